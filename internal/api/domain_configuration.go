package api

import (
	"cmp"
	"context"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/internal/store"
)

func (d *door) domainConfigurations() []operation {
	return []operation{
		on(&awsmodel.IoT, "CreateDomainConfiguration", d.createDomainConfiguration),
		on(&awsmodel.IoT, "DescribeDomainConfiguration", d.describeDomainConfiguration),
		on(&awsmodel.IoT, "UpdateDomainConfiguration", d.updateDomainConfiguration),
		on(&awsmodel.IoT, "ListDomainConfigurations", d.listDomainConfigurations),
		on(&awsmodel.IoT, "DeleteDomainConfiguration", d.deleteDomainConfiguration),
	}
}

// What a domain configuration has when it does not say.
const (
	defaultServiceType    = "DATA"
	defaultSecurityPolicy = "IoTSecurityPolicy_TLS13_1_2_2022_10"
	defaultDoor           = "DEFAULT" // authentication type and application protocol
)

// checkDomainParts refuses the parts of a domain configuration that this server has no use for.
func checkDomainParts(authorizer *iot.AuthorizerConfig, server *iot.ServerCertificateConfig, client *iot.ClientCertificateConfig) error {
	switch {
	case authorizer != nil:
		return absent("authorizerConfig", "custom authorizers are")
	case server != nil && (given(server.EnableOCSPCheck) || server.OcspLambdaArn != "" || server.OcspAuthorizedResponderArn != ""):
		return absent("serverCertificateConfig", "OCSP staples are")
	case client != nil && client.ClientCertificateCallbackArn != "":
		return absent("clientCertificateConfig", "functions that judge client certificates are")
	}
	return nil
}

func securityPolicy(c *iot.TlsConfig) string {
	if c == nil {
		return ""
	}
	return c.SecurityPolicy
}

func (d *door) createDomainConfiguration(ctx context.Context, c *Caller, in *iot.CreateDomainConfigurationRequest) (*iot.CreateDomainConfigurationResponse, error) {
	if err := checkDomainParts(in.AuthorizerConfig, in.ServerCertificateConfig, in.ClientCertificateConfig); err != nil {
		return nil, err
	}
	if in.DomainName != "" && strings.EqualFold(in.DomainName, d.Endpoint) && c.Scope.Account != d.Management {
		return nil, thingward.Errorf(thingward.InvalidRequest, "domainName: %s is the name of this server, which devices of all accounts use.", in.DomainName)
	}
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	dc, err := d.Identity.CreateDomainConfiguration(ctx, c.Scope, in.DomainConfigurationName, in.DomainName, store.DomainSettings{
		ServerCertificateARNs:    in.ServerCertificateArns,
		ValidationCertificateARN: in.ValidationCertificateArn,
		ServiceType:              in.ServiceType,
		SecurityPolicy:           securityPolicy(in.TlsConfig),
		AuthenticationType:       in.AuthenticationType,
		ApplicationProtocol:      in.ApplicationProtocol,
	}, tags...)
	if err != nil {
		return nil, err
	}
	return &iot.CreateDomainConfigurationResponse{DomainConfigurationName: dc.Name, DomainConfigurationArn: dc.ARN()}, nil
}

func (d *door) describeDomainConfiguration(ctx context.Context, c *Caller, in *iot.DescribeDomainConfigurationRequest) (*iot.DescribeDomainConfigurationResponse, error) {
	dc, err := d.Identity.DescribeDomainConfiguration(ctx, c.Scope, in.DomainConfigurationName)
	if err != nil {
		return nil, err
	}
	out := &iot.DescribeDomainConfigurationResponse{
		DomainConfigurationName:   dc.Name,
		DomainConfigurationArn:    dc.ARN(),
		DomainName:                cmp.Or(dc.Domain, d.Endpoint),
		DomainConfigurationStatus: "DISABLED",
		ServiceType:               cmp.Or(dc.Settings.ServiceType, defaultServiceType),
		DomainType:                "AWS_MANAGED",
		LastStatusChangeDate:      awsmodel.TimeOf(dc.Switched),
		TlsConfig:                 &iot.TlsConfig{SecurityPolicy: cmp.Or(dc.Settings.SecurityPolicy, defaultSecurityPolicy)},
		AuthenticationType:        cmp.Or(dc.Settings.AuthenticationType, defaultDoor),
		ApplicationProtocol:       cmp.Or(dc.Settings.ApplicationProtocol, defaultDoor),
	}
	if dc.Enabled {
		out.DomainConfigurationStatus = "ENABLED"
	}
	switch {
	case dc.Domain != "":
		out.DomainType = "CUSTOMER_MANAGED"
	case dc.Name == identity.BuiltInDomain:
		out.DomainType = "ENDPOINT"
	}
	for _, arn := range dc.Settings.ServerCertificateARNs {
		out.ServerCertificates = append(out.ServerCertificates, iot.ServerCertificateSummary{ServerCertificateArn: arn, ServerCertificateStatus: "VALID"})
	}
	return out, nil
}

func (d *door) updateDomainConfiguration(ctx context.Context, c *Caller, in *iot.UpdateDomainConfigurationRequest) (*iot.UpdateDomainConfigurationResponse, error) {
	if err := checkDomainParts(in.AuthorizerConfig, in.ServerCertificateConfig, in.ClientCertificateConfig); err != nil {
		return nil, err
	}
	u := identity.DomainUpdate{
		SecurityPolicy:      securityPolicy(in.TlsConfig),
		AuthenticationType:  in.AuthenticationType,
		ApplicationProtocol: in.ApplicationProtocol,
	}
	if in.DomainConfigurationStatus != "" {
		enabled := in.DomainConfigurationStatus == "ENABLED"
		u.Enabled = &enabled
	}
	dc, err := d.Identity.UpdateDomainConfiguration(ctx, c.Scope, in.DomainConfigurationName, u)
	if err != nil {
		return nil, err
	}
	return &iot.UpdateDomainConfigurationResponse{DomainConfigurationName: dc.Name, DomainConfigurationArn: dc.ARN()}, nil
}

// listDomainConfigurations leaves out other service types than the one asked for; a page may then be short.
func (d *door) listDomainConfigurations(ctx context.Context, c *Caller, in *iot.ListDomainConfigurationsRequest) (*iot.ListDomainConfigurationsResponse, error) {
	list, next, err := d.Identity.ListDomainConfigurations(ctx, c.Scope, newestFirst(in.Marker, in.PageSize, nil))
	out := &iot.ListDomainConfigurationsResponse{NextMarker: next}
	for _, dc := range list {
		serviceType := cmp.Or(dc.Settings.ServiceType, defaultServiceType)
		if in.ServiceType == "" || in.ServiceType == serviceType {
			out.DomainConfigurations = append(out.DomainConfigurations,
				iot.DomainConfigurationSummary{DomainConfigurationName: dc.Name, DomainConfigurationArn: dc.ARN(), ServiceType: serviceType})
		}
	}
	return out, err
}

func (d *door) deleteDomainConfiguration(ctx context.Context, c *Caller, in *iot.DeleteDomainConfigurationRequest) (*iot.DeleteDomainConfigurationResponse, error) {
	return nil, d.Identity.DeleteDomainConfiguration(ctx, c.Scope, in.DomainConfigurationName)
}
