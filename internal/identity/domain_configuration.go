package identity

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/bus"
	"github.com/thingward/thingward/internal/store"
)

// Rules of AWS for domain configurations
// (https://docs.aws.amazon.com/iot/latest/developerguide/iot-custom-endpoints-configurable.html).
const (
	maxDomainConfigurations = 10
	managedDeleteAfter      = 7 * 24 * time.Hour // a domain of the server has to be disabled so long
)

var (
	domainConfigurationName = regexp.MustCompile(`^[\w.-]{1,128}$`)
	hostName                = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z0-9-]{2,63}$`)
)

// Protocols that clients speak, as domain configurations call them.
const (
	SecureMQTT        = "SECURE_MQTT"
	MQTTOverWebSocket = "MQTT_WSS"
	HTTPS             = "HTTPS"
)

// applicationProtocols are those that go with each authentication type.
var applicationProtocols = map[string][]string{
	"DEFAULT":          {"DEFAULT"},
	"AWS_X509":         {SecureMQTT, HTTPS},
	"CUSTOM_AUTH_X509": {SecureMQTT, HTTPS},
	"CUSTOM_AUTH":      {SecureMQTT, MQTTOverWebSocket, HTTPS},
	"AWS_SIGV4":        {MQTTOverWebSocket, HTTPS},
}

var securityPolicies = []string{
	"IoTSecurityPolicy_TLS13_1_3_2022_10", "IoTSecurityPolicy_TLS13_1_2_2022_10", "IoTSecurityPolicy_TLS12_1_2_2022_10",
	"IoTSecurityPolicy_TLS12_1_0_2016_01", "IoTSecurityPolicy_TLS12_1_0_2015_01",
}

// CreateDomainConfiguration adds a domain configuration. Clients that ask for its domain (TLS SNI) are looked up in its scope
// from then on. Its server certificate is kept as an ARN: the server shows the certificates that it was started with.
func (s *Service) CreateDomainConfiguration(ctx context.Context, scope thingward.Scope, name, domain string, settings store.DomainSettings, tags ...store.Tag) (*store.DomainConfiguration, error) {
	now := s.now()
	d := &store.DomainConfiguration{Scope: scope, Name: name, ID: strings.ToLower(rand.Text()[:5]), Domain: domain, Settings: settings, Enabled: true, Created: now, Switched: now}
	if err := checkDomainConfiguration(d); err != nil {
		return nil, err
	}
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		all, _, err := tx.DomainConfigurations(scope, store.Page{Limit: maxDomainConfigurations + 1})
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(d *store.DomainConfiguration) bool { return d.Name == BuiltInDomain })
		for _, other := range all {
			if other.Name == name {
				return exists(store.ErrExists, name, other.ARN(), "Domain configuration %s already exists.", name)
			}
			if domain != "" && strings.EqualFold(other.Domain, domain) {
				return exists(store.ErrExists, other.Name, other.ARN(), "Domain configuration %s has the domain %s already.", other.Name, domain)
			}
		}
		if taken, err := domainTaken(tx, domain); err != nil || taken {
			return exists(cmp.Or(err, store.ErrExists), "", "", "The domain %s is in use in another account or region of this server.", domain)
		}
		if len(all) >= maxDomainConfigurations {
			return thingward.Errorf(thingward.LimitExceeded, "There are %d domain configurations in %s, which is the limit.", len(all), scope)
		}
		if err := tx.CreateDomainConfiguration(d); err != nil {
			return err
		}
		return tx.PutTags(scope, d.ARN(), tags...)
	})
	if err != nil {
		return nil, err
	}
	s.domainChanged(d)
	return d, nil
}

// domainTaken reports whether some scope has the domain already.
func domainTaken(tx *store.Tx, domain string) (bool, error) {
	if domain == "" {
		return false, nil
	}
	all, err := tx.OwnDomains()
	return slices.ContainsFunc(all, func(d *store.DomainConfiguration) bool { return strings.EqualFold(d.Domain, domain) }), err
}

func (s *Service) domainChanged(d *store.DomainConfiguration) {
	s.bus.Publish(bus.Change{Scope: d.Scope, Kind: bus.DomainConfigurationChanged, ID: d.Name})
}

// domainOf returns the domain configuration of a server name, nil when there is none. It answers from memory: every
// connection asks.
func (s *Service) domainOf(ctx context.Context, serverName string) (*store.DomainConfiguration, error) {
	if serverName == "" {
		return nil, nil
	}
	for {
		domains, ok := s.domains.get("")
		if ok {
			return domains[strings.ToLower(serverName)], nil
		}
		generation := s.domains.begin()
		domains = map[string]*store.DomainConfiguration{}
		err := s.store.View(ctx, func(tx *store.Tx) error {
			all, err := tx.OwnDomains()
			for _, d := range all {
				domains[strings.ToLower(d.Domain)] = d
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		s.domains.put(generation, "", domains)
	}
}

// CheckSigner returns the refusal of a signed request that asks for the domain of a domain configuration: it has to be enabled,
// take signatures and the protocol, and belong to the account and region of the signature. Other names are good for all.
func (s *Service) CheckSigner(ctx context.Context, serverName, protocol string, scope thingward.Scope) error {
	d, err := s.domainOf(ctx, serverName)
	if d == nil {
		return err
	}
	refusal := Refusal{Scope: d.Scope}
	switch authentication := cmp.Or(d.Settings.AuthenticationType, "DEFAULT"); {
	case d.Scope != scope:
		return refusal.because(DomainAuthentication, "The domain %s belongs to another account or region than the signature.", d.Domain)
	case !d.Enabled:
		return refusal.because(DomainDisabled, "Domain configuration %s of %s is DISABLED.", d.Name, d.Domain)
	case authentication != "DEFAULT" && authentication != "AWS_SIGV4":
		return refusal.because(DomainAuthentication, "Domain configuration %s of %s takes %s and no signatures.", d.Name, d.Domain, authentication)
	case !takes(d, protocol):
		return refusal.because(DomainAuthentication, "Domain configuration %s of %s takes %s, not %s.", d.Name, d.Domain, d.Settings.ApplicationProtocol, protocol)
	}
	return nil
}

// takes reports whether a domain is for clients that speak a protocol.
func takes(d *store.DomainConfiguration, protocol string) bool {
	only := cmp.Or(d.Settings.ApplicationProtocol, "DEFAULT")
	return only == "DEFAULT" || only == protocol
}

// checkDomain returns the refusal of a client with a certificate that asks for a domain where it is not taken.
func checkDomain(d *store.DomainConfiguration, protocol string) *Refusal {
	refusal := Refusal{Scope: d.Scope}
	switch authentication := cmp.Or(d.Settings.AuthenticationType, "DEFAULT"); {
	case !d.Enabled:
		return refusal.because(DomainDisabled, "domain configuration %s of %s is DISABLED: enable it (aws iot update-domain-configuration --domain-configuration-status ENABLED), or let the device connect to another name", d.Name, d.Domain)
	case authentication == "AWS_SIGV4" || authentication == "CUSTOM_AUTH":
		return refusal.because(DomainAuthentication, "domain configuration %s of %s takes %s and no client certificates: let the device connect to another name, or change its authenticationType", d.Name, d.Domain, authentication)
	case !takes(d, protocol):
		return refusal.because(DomainAuthentication, "domain configuration %s of %s takes %s, not %s: let the device connect to another name, or change its applicationProtocol", d.Name, d.Domain, d.Settings.ApplicationProtocol, protocol)
	}
	return nil
}

func checkDomainConfiguration(d *store.DomainConfiguration) error {
	bad := func(format string, args ...any) error {
		return thingward.Errorf(thingward.InvalidRequest, format, args...)
	}
	if d.Name != BuiltInDomain && !domainConfigurationName.MatchString(d.Name) {
		return bad("domainConfigurationName %.140q: want 1 to 128 letters, digits and characters of ._-", d.Name)
	}
	certificates := d.Settings.ServerCertificateARNs
	switch {
	case d.Domain == "" && len(certificates) > 0:
		return bad("serverCertificateArns belong to a domain of your own: give domainName too.")
	case d.Domain != "" && len(certificates) != 1:
		return bad("A domain of your own needs one server certificate in serverCertificateArns, got %d.", len(certificates))
	case d.Domain != "" && !hostName.MatchString(d.Domain):
		return bad("domainName %.260q is not a host name.", d.Domain)
	}
	authentication, protocol := cmp.Or(d.Settings.AuthenticationType, "DEFAULT"), cmp.Or(d.Settings.ApplicationProtocol, "DEFAULT")
	if !slices.Contains(applicationProtocols[authentication], protocol) {
		return bad("authenticationType %s goes with applicationProtocol %s, not %s.", authentication, strings.Join(applicationProtocols[authentication], " or "), protocol)
	}
	if p := d.Settings.SecurityPolicy; p != "" && !slices.Contains(securityPolicies, p) {
		return bad("securityPolicy %q is not one of %s.", p, strings.Join(securityPolicies, ", "))
	}
	return nil
}

// BuiltInDomain is the name of the domain configuration that is there from the start: that of the host name which
// DescribeEndpoint answers. It can be changed, but neither disabled nor deleted.
const BuiltInDomain = "iot:Data-ATS"

func findDomainConfiguration(tx *store.Tx, scope thingward.Scope, name string) (*store.DomainConfiguration, error) {
	d, err := tx.DomainConfiguration(scope, name)
	if name == BuiltInDomain && errors.Is(err, store.ErrNotFound) {
		return builtInDomain(scope), nil // nobody has changed it
	}
	return d, missing(err, "There is no domain configuration of the name %s in %s.", name, scope)
}

func builtInDomain(scope thingward.Scope) *store.DomainConfiguration {
	return &store.DomainConfiguration{Scope: scope, Name: BuiltInDomain, Enabled: true, Created: time.UnixMilli(0), Switched: time.UnixMilli(0)}
}

// keepBuiltInDomain gives the domain configuration of the server its row, so that it is changed and listed as all others.
func keepBuiltInDomain(tx *store.Tx, scope thingward.Scope) error {
	err := tx.CreateDomainConfiguration(builtInDomain(scope))
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}

// DescribeDomainConfiguration returns a domain configuration.
func (s *Service) DescribeDomainConfiguration(ctx context.Context, scope thingward.Scope, name string) (d *store.DomainConfiguration, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		d, err = findDomainConfiguration(tx, scope, name)
		return err
	})
	return d, err
}

// A DomainUpdate is the input of UpdateDomainConfiguration; empty members change nothing.
type DomainUpdate struct {
	Enabled             *bool
	SecurityPolicy      string
	AuthenticationType  string
	ApplicationProtocol string
}

// UpdateDomainConfiguration changes a domain configuration.
func (s *Service) UpdateDomainConfiguration(ctx context.Context, scope thingward.Scope, name string, u DomainUpdate) (d *store.DomainConfiguration, err error) {
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		if err := keepBuiltInDomain(tx, scope); err != nil {
			return err
		}
		if d, err = findDomainConfiguration(tx, scope, name); err != nil {
			return err
		}
		if u.Enabled != nil && *u.Enabled != d.Enabled {
			if name == BuiltInDomain {
				return thingward.Errorf(thingward.InvalidRequest, "Domain configuration %s cannot be disabled.", name)
			}
			d.Enabled, d.Switched = *u.Enabled, s.now()
		}
		d.Settings.SecurityPolicy = cmp.Or(u.SecurityPolicy, d.Settings.SecurityPolicy)
		d.Settings.AuthenticationType = cmp.Or(u.AuthenticationType, d.Settings.AuthenticationType)
		d.Settings.ApplicationProtocol = cmp.Or(u.ApplicationProtocol, d.Settings.ApplicationProtocol)
		if err := checkDomainConfiguration(d); err != nil {
			return err
		}
		return tx.UpdateDomainConfiguration(d)
	})
	if err != nil {
		return nil, err
	}
	s.domainChanged(d)
	return d, nil
}

// ListDomainConfigurations lists domain configurations by the time of their creation. The one of the server is the oldest.
func (s *Service) ListDomainConfigurations(ctx context.Context, scope thingward.Scope, p store.Page) (list []*store.DomainConfiguration, next string, err error) {
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		if err := keepBuiltInDomain(tx, scope); err != nil {
			return err
		}
		list, next, err = tx.DomainConfigurations(scope, p)
		return err
	})
	return list, next, err
}

// DeleteDomainConfiguration removes a disabled domain configuration; one of a domain of the server has to be disabled for a
// week.
func (s *Service) DeleteDomainConfiguration(ctx context.Context, scope thingward.Scope, name string) error {
	var d *store.DomainConfiguration
	err := s.store.Update(ctx, func(tx *store.Tx) (err error) {
		if d, err = findDomainConfiguration(tx, scope, name); err != nil {
			return err
		}
		if d.Enabled {
			return thingward.Errorf(thingward.InvalidRequest, "Domain configuration %s is ENABLED: disable it before deleting it.", name)
		}
		if d.Domain == "" && s.now().Before(d.Switched.Add(managedDeleteAfter)) {
			return thingward.Errorf(thingward.InvalidRequest, "Domain configuration %s is not of a domain of your own: it can be deleted 7 days after it was disabled, on %s.", name, when(d.Switched.Add(managedDeleteAfter)))
		}
		return tx.DeleteDomainConfiguration(d)
	})
	if err != nil {
		return err
	}
	s.domainChanged(d)
	return nil
}
