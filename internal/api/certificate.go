package api

import (
	"context"

	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/internal/store"
)

func (d *door) certificates() []operation {
	return []operation{
		on(&awsmodel.IoT, "CreateKeysAndCertificate", d.createKeysAndCertificate),
		on(&awsmodel.IoT, "CreateCertificateFromCsr", d.createCertificateFromCSR),
		on(&awsmodel.IoT, "RegisterCertificate", d.registerCertificate),
		on(&awsmodel.IoT, "RegisterCertificateWithoutCA", d.registerCertificateWithoutCA),
		on(&awsmodel.IoT, "DescribeCertificate", d.describeCertificate),
		on(&awsmodel.IoT, "UpdateCertificate", d.updateCertificate),
		on(&awsmodel.IoT, "ListCertificates", d.listCertificates),
		on(&awsmodel.IoT, "ListCertificatesByCA", d.listCertificatesByCA),
		on(&awsmodel.IoT, "DeleteCertificate", d.deleteCertificate),
	}
}

func (d *door) createKeysAndCertificate(ctx context.Context, c *Caller, in *iot.CreateKeysAndCertificateRequest) (*iot.CreateKeysAndCertificateResponse, error) {
	cert, keys, err := d.Identity.CreateKeysAndCertificate(ctx, c.Scope, given(in.SetAsActive))
	if err != nil {
		return nil, err
	}
	return &iot.CreateKeysAndCertificateResponse{
		CertificateArn: cert.ARN(),
		CertificateId:  cert.ID,
		CertificatePem: cert.PEM,
		KeyPair:        &iot.KeyPair{PublicKey: keys.PublicPEM, PrivateKey: keys.PrivatePEM},
	}, nil
}

func (d *door) createCertificateFromCSR(ctx context.Context, c *Caller, in *iot.CreateCertificateFromCsrRequest) (*iot.CreateCertificateFromCsrResponse, error) {
	cert, err := d.Identity.CreateCertificateFromCSR(ctx, c.Scope, in.CertificateSigningRequest, given(in.SetAsActive))
	if err != nil {
		return nil, err
	}
	return &iot.CreateCertificateFromCsrResponse{CertificateArn: cert.ARN(), CertificateId: cert.ID, CertificatePem: cert.PEM}, nil
}

func (d *door) registerCertificate(ctx context.Context, c *Caller, in *iot.RegisterCertificateRequest) (*iot.RegisterCertificateResponse, error) {
	cert, err := d.Identity.RegisterCertificate(ctx, c.Scope, identity.CertificateRegistration{
		PEM:    in.CertificatePem,
		CAPEM:  in.CaCertificatePem,
		Status: in.Status,
		Active: given(in.SetAsActive),
	})
	if err != nil {
		return nil, err
	}
	return &iot.RegisterCertificateResponse{CertificateArn: cert.ARN(), CertificateId: cert.ID}, nil
}

func (d *door) registerCertificateWithoutCA(ctx context.Context, c *Caller, in *iot.RegisterCertificateWithoutCARequest) (*iot.RegisterCertificateWithoutCAResponse, error) {
	cert, err := d.Identity.RegisterCertificateWithoutCA(ctx, c.Scope, in.CertificatePem, in.Status)
	if err != nil {
		return nil, err
	}
	return &iot.RegisterCertificateWithoutCAResponse{CertificateArn: cert.ARN(), CertificateId: cert.ID}, nil
}

func (d *door) describeCertificate(ctx context.Context, c *Caller, in *iot.DescribeCertificateRequest) (*iot.DescribeCertificateResponse, error) {
	cert, err := d.Identity.DescribeCertificate(ctx, c.Scope, in.CertificateId)
	if err != nil {
		return nil, err
	}
	return &iot.DescribeCertificateResponse{CertificateDescription: &iot.CertificateDescription{
		CertificateArn:   cert.ARN(),
		CertificateId:    cert.ID,
		CaCertificateId:  cert.CAID,
		Status:           cert.Status,
		CertificatePem:   cert.PEM,
		OwnedBy:          cert.Scope.Account,
		CreationDate:     awsmodel.TimeOf(cert.Created),
		LastModifiedDate: awsmodel.TimeOf(cert.Modified),
		CustomerVersion:  &cert.CustomerVersion,
		GenerationId:     cert.GenerationID,
		Validity:         &iot.CertificateValidity{NotBefore: awsmodel.TimeOf(cert.NotBefore), NotAfter: awsmodel.TimeOf(cert.NotAfter)},
		CertificateMode:  cert.Mode,
		PreviousOwnedBy:  cert.PreviousOwner,
		TransferData:     transferData(cert),
	}}, nil
}

func (d *door) updateCertificate(ctx context.Context, c *Caller, in *iot.UpdateCertificateRequest) (*none, error) {
	return nil, d.Identity.UpdateCertificate(ctx, c.Scope, in.CertificateId, in.NewStatus)
}

func (d *door) listCertificates(ctx context.Context, c *Caller, in *iot.ListCertificatesRequest) (*iot.ListCertificatesResponse, error) {
	list, next, err := d.Identity.ListCertificates(ctx, c.Scope, newestFirst(in.Marker, in.PageSize, in.AscendingOrder))
	return &iot.ListCertificatesResponse{Certificates: mapped(list, certificateItem), NextMarker: next}, err
}

func (d *door) listCertificatesByCA(ctx context.Context, c *Caller, in *iot.ListCertificatesByCARequest) (*iot.ListCertificatesByCAResponse, error) {
	list, next, err := d.Identity.ListCertificatesByCA(ctx, c.Scope, in.CaCertificateId, newestFirst(in.Marker, in.PageSize, in.AscendingOrder))
	return &iot.ListCertificatesByCAResponse{Certificates: mapped(list, certificateItem), NextMarker: next}, err
}

func certificateItem(cert *store.Certificate) iot.Certificate {
	return iot.Certificate{
		CertificateArn:  cert.ARN(),
		CertificateId:   cert.ID,
		Status:          cert.Status,
		CertificateMode: cert.Mode,
		CreationDate:    awsmodel.TimeOf(cert.Created),
	}
}

func (d *door) deleteCertificate(ctx context.Context, c *Caller, in *iot.DeleteCertificateRequest) (*none, error) {
	return nil, d.Identity.DeleteCertificate(ctx, c.Scope, in.CertificateId, given(in.ForceDelete))
}
