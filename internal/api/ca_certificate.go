package api

import (
	"context"

	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/internal/store"
)

func (d *door) caCertificates() []operation {
	return []operation{
		on(&awsmodel.IoT, "GetRegistrationCode", d.getRegistrationCode),
		on(&awsmodel.IoT, "DeleteRegistrationCode", d.deleteRegistrationCode),
		on(&awsmodel.IoT, "RegisterCACertificate", d.registerCACertificate),
		on(&awsmodel.IoT, "DescribeCACertificate", d.describeCACertificate),
		on(&awsmodel.IoT, "UpdateCACertificate", d.updateCACertificate),
		on(&awsmodel.IoT, "ListCACertificates", d.listCACertificates),
		on(&awsmodel.IoT, "DeleteCACertificate", d.deleteCACertificate),
	}
}

func (d *door) getRegistrationCode(ctx context.Context, c *Caller, _ *iot.GetRegistrationCodeRequest) (*iot.GetRegistrationCodeResponse, error) {
	code, err := d.Identity.GetRegistrationCode(ctx, c.Scope)
	return &iot.GetRegistrationCodeResponse{RegistrationCode: code}, err
}

func (d *door) deleteRegistrationCode(ctx context.Context, c *Caller, _ *iot.DeleteRegistrationCodeRequest) (*iot.DeleteRegistrationCodeResponse, error) {
	return nil, d.Identity.DeleteRegistrationCode(ctx, c.Scope)
}

func (d *door) registerCACertificate(ctx context.Context, c *Caller, in *iot.RegisterCACertificateRequest) (*iot.RegisterCACertificateResponse, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	if in.RegistrationConfig != nil {
		return nil, errTemplate
	}
	cert, err := d.Identity.RegisterCACertificate(ctx, c.Scope, identity.CARegistration{
		PEM:              in.CaCertificate,
		VerificationPEM:  in.VerificationCertificate,
		Mode:             in.CertificateMode,
		Active:           given(in.SetAsActive),
		AutoRegistration: given(in.AllowAutoRegistration),
		Tags:             tags,
	})
	if err != nil {
		return nil, err
	}
	return &iot.RegisterCACertificateResponse{CertificateArn: cert.ARN(), CertificateId: cert.ID}, nil
}

var errTemplate = absent("registrationConfig", "just-in-time provisioning templates are")

func (d *door) describeCACertificate(ctx context.Context, c *Caller, in *iot.DescribeCACertificateRequest) (*iot.DescribeCACertificateResponse, error) {
	cert, err := d.Identity.DescribeCACertificate(ctx, c.Scope, in.CertificateId)
	if err != nil {
		return nil, err
	}
	return &iot.DescribeCACertificateResponse{CertificateDescription: &iot.CACertificateDescription{
		CertificateArn:         cert.ARN(),
		CertificateId:          cert.ID,
		Status:                 cert.Status,
		CertificatePem:         cert.PEM,
		OwnedBy:                cert.Scope.Account,
		CreationDate:           awsmodel.TimeOf(cert.Created),
		AutoRegistrationStatus: cert.AutoRegistration,
		LastModifiedDate:       awsmodel.TimeOf(cert.Modified),
		CustomerVersion:        &cert.CustomerVersion,
		GenerationId:           cert.GenerationID,
		Validity:               &iot.CertificateValidity{NotBefore: awsmodel.TimeOf(cert.NotBefore), NotAfter: awsmodel.TimeOf(cert.NotAfter)},
		CertificateMode:        cert.Mode,
	}}, nil
}

func (d *door) updateCACertificate(ctx context.Context, c *Caller, in *iot.UpdateCACertificateRequest) (*none, error) {
	if in.RegistrationConfig != nil {
		return nil, errTemplate
	}
	return nil, d.Identity.UpdateCACertificate(ctx, c.Scope, in.CertificateId, identity.CAUpdate{
		Status:                 in.NewStatus,
		AutoRegistration:       in.NewAutoRegistrationStatus,
		RemoveAutoRegistration: given(in.RemoveAutoRegistration),
	})
}

func (d *door) listCACertificates(ctx context.Context, c *Caller, in *iot.ListCACertificatesRequest) (*iot.ListCACertificatesResponse, error) {
	if in.TemplateName != "" {
		return nil, absent("templateName", "just-in-time provisioning templates are")
	}
	list, next, err := d.Identity.ListCACertificates(ctx, c.Scope, newestFirst(in.Marker, in.PageSize, in.AscendingOrder))
	return &iot.ListCACertificatesResponse{Certificates: mapped(list, caCertificateItem), NextMarker: next}, err
}

func caCertificateItem(cert *store.CACertificate) iot.CACertificate {
	return iot.CACertificate{CertificateArn: cert.ARN(), CertificateId: cert.ID, Status: cert.Status, CreationDate: awsmodel.TimeOf(cert.Created)}
}

func (d *door) deleteCACertificate(ctx context.Context, c *Caller, in *iot.DeleteCACertificateRequest) (*iot.DeleteCACertificateResponse, error) {
	return nil, d.Identity.DeleteCACertificate(ctx, c.Scope, in.CertificateId)
}
