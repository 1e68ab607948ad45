package api

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
)

// A certificate is offered to another account, which takes it or gives it back.
func TestCertificateTransfer(t *testing.T) {
	config, ctx := newDoor(t), t.Context()
	from := iot.NewFromConfig(config)
	config.Credentials = credentials.NewStaticCredentialsProvider(otherKey.AccessKeyID, otherKey.SecretAccessKey, "")
	to := iot.NewFromConfig(config)
	offer := func(id *string) *iot.TransferCertificateOutput {
		t.Helper()
		return must(from.TransferCertificate(ctx, &iot.TransferCertificateInput{CertificateId: id, TargetAwsAccount: aws.String(otherAccount), TransferMessage: aws.String("for you")}))(t)
	}
	describe := func(c *iot.Client, id *string) *types.CertificateDescription {
		t.Helper()
		return must(c.DescribeCertificate(ctx, &iot.DescribeCertificateInput{CertificateId: id}))(t).CertificateDescription
	}
	made := must(from.CreateCertificateFromCsr(ctx, &iot.CreateCertificateFromCsrInput{CertificateSigningRequest: aws.String(newCSR(t, "one"))}))(t)
	id := made.CertificateId

	// Rejected, and offered again.
	equal(t, *offer(id).TransferredCertificateArn, *made.CertificateArn)
	outgoing := must(from.ListOutgoingCertificates(ctx, nil))(t).OutgoingCertificates
	equal(t, *outgoing[0].TransferredTo+" "+*outgoing[0].TransferMessage, otherAccount+" for you")
	if outgoing[0].TransferDate == nil {
		t.Error("no transferDate")
	}
	equal(t, describe(from, id).Status, types.CertificateStatusPendingTransfer)
	must(to.RejectCertificateTransfer(ctx, &iot.RejectCertificateTransferInput{CertificateId: id, RejectReason: aws.String("no room")}))(t)
	back := describe(from, id)
	equal(t, back.Status, types.CertificateStatusInactive)
	equal(t, *back.TransferData.RejectReason, "no room")
	if back.TransferData.RejectDate == nil || back.TransferData.AcceptDate != nil {
		t.Errorf("transferData %+v", back.TransferData)
	}
	equal(t, len(must(from.ListOutgoingCertificates(ctx, nil))(t).OutgoingCertificates), 0)
	_, err := to.AcceptCertificateTransfer(ctx, &iot.AcceptCertificateTransferInput{CertificateId: id})
	refused(t, err, "TransferAlreadyCompletedException", *id)

	// Cancelled, and offered again.
	offer(id)
	must(from.CancelCertificateTransfer(ctx, &iot.CancelCertificateTransferInput{CertificateId: id}))(t)
	equal(t, describe(from, id).Status, types.CertificateStatusInactive)
	_, err = from.CancelCertificateTransfer(ctx, &iot.CancelCertificateTransferInput{CertificateId: id})
	refused(t, err, "TransferAlreadyCompletedException", *id)

	// Accepted: it belongs to the other account from then on.
	offer(id)
	_, err = from.AcceptCertificateTransfer(ctx, &iot.AcceptCertificateTransferInput{CertificateId: id})
	refused(t, err, "ResourceNotFoundException", *id)
	must(to.AcceptCertificateTransfer(ctx, &iot.AcceptCertificateTransferInput{CertificateId: id, SetAsActive: true}))(t)
	got := describe(to, id)
	equal(t, *got.CertificateArn, strings.Replace(*made.CertificateArn, account, otherAccount, 1))
	equal(t, *got.OwnedBy+" "+*got.PreviousOwnedBy, otherAccount+" "+account)
	equal(t, got.Status, types.CertificateStatusActive)
	if got.TransferData.AcceptDate == nil {
		t.Error("no acceptDate")
	}
	_, err = from.DescribeCertificate(ctx, &iot.DescribeCertificateInput{CertificateId: id})
	refused(t, err, "ResourceNotFoundException", *id)
	_, err = from.CancelCertificateTransfer(ctx, &iot.CancelCertificateTransferInput{CertificateId: id})
	refused(t, err, "TransferAlreadyCompletedException", *id)
}

func TestRefusedCertificateTransfers(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	made := must(c.CreateCertificateFromCsr(ctx, &iot.CreateCertificateFromCsrInput{CertificateSigningRequest: aws.String(newCSR(t, "one")), SetAsActive: true}))(t)
	f := func(id *string, account, code, message string) {
		t.Helper()
		_, err := c.TransferCertificate(ctx, &iot.TransferCertificateInput{CertificateId: id, TargetAwsAccount: &account})
		refused(t, err, code, message)
	}
	setStatus := func(status types.CertificateStatus) {
		t.Helper()
		must(c.UpdateCertificate(ctx, &iot.UpdateCertificateInput{CertificateId: made.CertificateId, NewStatus: status}))(t)
	}
	f(made.CertificateId, otherAccount, "CertificateStateException", "The certificate is ACTIVE")
	setStatus(types.CertificateStatusInactive)
	f(made.CertificateId, account, "InvalidRequestException", "is not another account of this server")
	f(made.CertificateId, "777788889999", "InvalidRequestException", "is not another account of this server")
	f(made.CertificateId, "7", "InvalidRequestException", "Member must have length")
	f(aws.String(strings.Repeat("0", 64)), otherAccount, "ResourceNotFoundException", "no certificate")

	document := aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}}`)
	must(c.CreatePolicy(ctx, &iot.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: document}))(t)
	must(c.AttachPolicy(ctx, &iot.AttachPolicyInput{PolicyName: aws.String("p"), Target: made.CertificateArn}))(t)
	f(made.CertificateId, otherAccount, "TransferConflictException", "Policy p is attached")
	must(c.DetachPolicy(ctx, &iot.DetachPolicyInput{PolicyName: aws.String("p"), Target: made.CertificateArn}))(t)
	must(c.CreateThing(ctx, &iot.CreateThingInput{ThingName: aws.String("one")}))(t)
	must(c.AttachThingPrincipal(ctx, &iot.AttachThingPrincipalInput{ThingName: aws.String("one"), Principal: made.CertificateArn}))(t)
	f(made.CertificateId, otherAccount, "TransferConflictException", "attached to thing one")
	setStatus(types.CertificateStatusRevoked) // accepting it must not bring it back to life
	f(made.CertificateId, otherAccount, "CertificateStateException", "The certificate is REVOKED")

	_, err := c.AcceptCertificateTransfer(ctx, &iot.AcceptCertificateTransferInput{CertificateId: made.CertificateId})
	refused(t, err, "ResourceNotFoundException", "no transfer")
	_, err = c.RejectCertificateTransfer(ctx, &iot.RejectCertificateTransferInput{CertificateId: made.CertificateId})
	refused(t, err, "ResourceNotFoundException", "no transfer")
	_, err = c.CancelCertificateTransfer(ctx, &iot.CancelCertificateTransferInput{CertificateId: made.CertificateId})
	refused(t, err, "ResourceNotFoundException", "no transfer")
}
