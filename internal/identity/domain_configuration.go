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

// applicationProtocols are those that go with each authentication type.
var applicationProtocols = map[string][]string{
	"DEFAULT":          {"DEFAULT"},
	"AWS_X509":         {"SECURE_MQTT", "HTTPS"},
	"CUSTOM_AUTH_X509": {"SECURE_MQTT", "HTTPS"},
	"CUSTOM_AUTH":      {"SECURE_MQTT", "MQTT_WSS", "HTTPS"},
	"AWS_SIGV4":        {"MQTT_WSS", "HTTPS"},
}

var securityPolicies = []string{
	"IoTSecurityPolicy_TLS13_1_3_2022_10", "IoTSecurityPolicy_TLS13_1_2_2022_10", "IoTSecurityPolicy_TLS12_1_2_2022_10",
	"IoTSecurityPolicy_TLS12_1_0_2016_01", "IoTSecurityPolicy_TLS12_1_0_2015_01",
}

// CreateDomainConfiguration adds a domain configuration. It is kept; the gateway does not look at it yet.
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
	return d, nil
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
	return d, err
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
	return s.store.Update(ctx, func(tx *store.Tx) error {
		d, err := findDomainConfiguration(tx, scope, name)
		if err != nil {
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
}
