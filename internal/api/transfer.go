package api

import (
	"context"

	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/store"
)

func (d *door) transfers() []operation {
	return []operation{
		on(&awsmodel.IoT, "TransferCertificate", d.transferCertificate),
		on(&awsmodel.IoT, "AcceptCertificateTransfer", d.acceptCertificateTransfer),
		on(&awsmodel.IoT, "RejectCertificateTransfer", d.rejectCertificateTransfer),
		on(&awsmodel.IoT, "CancelCertificateTransfer", d.cancelCertificateTransfer),
		on(&awsmodel.IoT, "ListOutgoingCertificates", d.listOutgoingCertificates),
	}
}

func (d *door) transferCertificate(ctx context.Context, c *Caller, in *iot.TransferCertificateRequest) (*iot.TransferCertificateResponse, error) {
	cert, err := d.Identity.TransferCertificate(ctx, c.Scope, in.CertificateId, in.TargetAwsAccount, in.TransferMessage)
	if err != nil {
		return nil, err
	}
	return &iot.TransferCertificateResponse{TransferredCertificateArn: cert.ARN()}, nil
}

func (d *door) acceptCertificateTransfer(ctx context.Context, c *Caller, in *iot.AcceptCertificateTransferRequest) (*none, error) {
	return nil, d.Identity.AcceptCertificateTransfer(ctx, c.Scope, in.CertificateId, given(in.SetAsActive))
}

func (d *door) rejectCertificateTransfer(ctx context.Context, c *Caller, in *iot.RejectCertificateTransferRequest) (*none, error) {
	return nil, d.Identity.RejectCertificateTransfer(ctx, c.Scope, in.CertificateId, in.RejectReason)
}

func (d *door) cancelCertificateTransfer(ctx context.Context, c *Caller, in *iot.CancelCertificateTransferRequest) (*none, error) {
	return nil, d.Identity.CancelCertificateTransfer(ctx, c.Scope, in.CertificateId)
}

func (d *door) listOutgoingCertificates(ctx context.Context, c *Caller, in *iot.ListOutgoingCertificatesRequest) (*iot.ListOutgoingCertificatesResponse, error) {
	list, next, err := d.Identity.ListOutgoingCertificates(ctx, c.Scope, newestFirst(in.Marker, in.PageSize, in.AscendingOrder))
	return &iot.ListOutgoingCertificatesResponse{OutgoingCertificates: mapped(list, func(cert *store.Certificate) iot.OutgoingCertificate {
		return iot.OutgoingCertificate{
			CertificateArn:  cert.ARN(),
			CertificateId:   cert.ID,
			TransferredTo:   cert.TransferTo,
			TransferDate:    awsmodel.TimeOf(cert.Transfer.Offered),
			TransferMessage: cert.Transfer.Message,
			CreationDate:    awsmodel.TimeOf(cert.Created),
		}
	}), NextMarker: next}, err
}

// transferData is nil for certificates that were never offered to anybody.
func transferData(cert *store.Certificate) *iot.TransferData {
	if cert.TransferTo == "" {
		return nil
	}
	return &iot.TransferData{
		TransferMessage: cert.Transfer.Message,
		RejectReason:    cert.Transfer.RejectReason,
		TransferDate:    awsmodel.TimeOf(cert.Transfer.Offered),
		AcceptDate:      awsmodel.TimeOf(cert.Transfer.Accepted),
		RejectDate:      awsmodel.TimeOf(cert.Transfer.Rejected),
	}
}
