package store

import (
	"encoding/json"
	"time"

	"github.com/thingward/thingward"
)

// A DomainConfiguration says how devices connect to one host name.
type DomainConfiguration struct {
	Scope    thingward.Scope
	Name     string
	ID       string // the end of its ARN; empty: that of the server has none
	Domain   string // host name; empty: the server's own
	Settings DomainSettings
	Enabled  bool
	Created  time.Time
	Switched time.Time // when it was last enabled or disabled
}

// DomainSettings are what is said of a domain configuration; empty members are AWS's defaults.
type DomainSettings struct {
	ServerCertificateARNs    []string `json:"serverCertificateArns,omitzero"`
	ValidationCertificateARN string   `json:"validationCertificateArn,omitzero"`
	ServiceType              string   `json:"serviceType,omitzero"`
	SecurityPolicy           string   `json:"securityPolicy,omitzero"`
	AuthenticationType       string   `json:"authenticationType,omitzero"`
	ApplicationProtocol      string   `json:"applicationProtocol,omitzero"`
}

// ARN returns the ARN of the domain configuration.
func (d *DomainConfiguration) ARN() string {
	if d.ID == "" {
		return d.Scope.ARN("domainconfiguration/" + d.Name)
	}
	return d.Scope.ARN("domainconfiguration/" + d.Name + "/" + d.ID)
}

const domainConfigurationColumns = `account, region, name, id, domain, settings, enabled, created, switched`

// CreateDomainConfiguration adds a domain configuration.
func (tx *Tx) CreateDomainConfiguration(d *DomainConfiguration) error {
	settings, err := json.Marshal(d.Settings)
	if err != nil {
		return err
	}
	return tx.create(`INSERT INTO domain_configurations (`+domainConfigurationColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
		d.Scope.Account, d.Scope.Region, d.Name, d.ID, d.Domain, string(settings), d.Enabled, d.Created.UnixMilli(), d.Switched.UnixMilli())
}

// DomainConfiguration returns a domain configuration.
func (tx *Tx) DomainConfiguration(scope thingward.Scope, name string) (*DomainConfiguration, error) {
	return one(tx, scanDomainConfiguration, `SELECT `+domainConfigurationColumns+` FROM domain_configurations
		WHERE account = $1 AND region = $2 AND name = $3`, scope.Account, scope.Region, name)
}

// UpdateDomainConfiguration writes settings and state.
func (tx *Tx) UpdateDomainConfiguration(d *DomainConfiguration) error {
	settings, err := json.Marshal(d.Settings)
	if err != nil {
		return err
	}
	return tx.change(`UPDATE domain_configurations SET settings = $4, enabled = $5, switched = $6 WHERE account = $1 AND region = $2 AND name = $3`,
		d.Scope.Account, d.Scope.Region, d.Name, string(settings), d.Enabled, d.Switched.UnixMilli())
}

// DeleteDomainConfiguration removes a domain configuration and its tags.
func (tx *Tx) DeleteDomainConfiguration(d *DomainConfiguration) error {
	return tx.deleteTagged(d.Scope, d.ARN(),
		`DELETE FROM domain_configurations WHERE account = $1 AND region = $2 AND name = $3`, d.Scope.Account, d.Scope.Region, d.Name)
}

// DomainConfigurations lists domain configurations by the time of their creation.
func (tx *Tx) DomainConfigurations(scope thingward.Scope, p Page) ([]*DomainConfiguration, string, error) {
	query, args, err := byCreation(`SELECT `+domainConfigurationColumns+` FROM domain_configurations WHERE account = $1 AND region = $2`,
		"created", "name", p, []any{scope.Account, scope.Region})
	if err != nil {
		return nil, "", err
	}
	rows, err := all(tx, scanDomainConfiguration, query, args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cut(&p, rows, func(d *DomainConfiguration) []any { return []any{d.Created.UnixMilli(), d.Name} })
	return list, next, nil
}

// OwnDomains returns the domain configurations of all scopes that have a host name of their own.
func (tx *Tx) OwnDomains() ([]*DomainConfiguration, error) {
	return all(tx, scanDomainConfiguration, `SELECT `+domainConfigurationColumns+` FROM domain_configurations WHERE domain <> '' ORDER BY created, account, region, name`)
}

func scanDomainConfiguration(r scanner) (*DomainConfiguration, error) {
	var d DomainConfiguration
	var settings []byte
	if err := r.Scan(&d.Scope.Account, &d.Scope.Region, &d.Name, &d.ID, &d.Domain, &settings, &d.Enabled,
		millis{&d.Created}, millis{&d.Switched}); err != nil {
		return nil, err
	}
	return &d, json.Unmarshal(settings, &d.Settings)
}
