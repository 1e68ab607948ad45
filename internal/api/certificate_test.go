package api

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
)

func TestCertificatesWithoutCA(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	self, _ := newCertificate(t, "self", nil, nil)
	made := must(c.RegisterCertificateWithoutCA(ctx, &iot.RegisterCertificateWithoutCAInput{CertificatePem: pemOf(self), Status: types.CertificateStatusActive}))(t)
	got := must(c.DescribeCertificate(ctx, &iot.DescribeCertificateInput{CertificateId: made.CertificateId}))(t).CertificateDescription
	equal(t, got.CertificateMode, types.CertificateModeSniOnly)
	equal(t, got.Status, types.CertificateStatusActive)
	equal(t, got.CaCertificateId, (*string)(nil))
	_, err := c.RegisterCertificateWithoutCA(ctx, &iot.RegisterCertificateWithoutCAInput{CertificatePem: pemOf(self)})
	refused(t, err, "ResourceAlreadyExistsException", *made.CertificateId)
	_, err = c.RegisterCertificateWithoutCA(ctx, &iot.RegisterCertificateWithoutCAInput{CertificatePem: aws.String("x")})
	refused(t, err, "CertificateValidationException", "PEM")
	_, err = c.RegisterCertificateWithoutCA(ctx, &iot.RegisterCertificateWithoutCAInput{CertificatePem: pemOf(self), Status: types.CertificateStatusPendingActivation})
	refused(t, err, "InvalidRequestException", "ACTIVE, INACTIVE or REVOKED")
}

// A CA in mode SNI_ONLY needs no verification certificate and hands its mode on.
func TestSNIOnlyCA(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	root, rootKey := newCertificate(t, "Root", nil, nil)
	made := must(c.RegisterCACertificate(ctx, &iot.RegisterCACertificateInput{CaCertificate: pemOf(root), CertificateMode: types.CertificateModeSniOnly, SetAsActive: true}))(t)
	described := must(c.DescribeCACertificate(ctx, &iot.DescribeCACertificateInput{CertificateId: made.CertificateId}))(t).CertificateDescription
	equal(t, described.CertificateMode, types.CertificateModeSniOnly)
	leaf, _ := newCertificate(t, "leaf", root, rootKey)
	registered := must(c.RegisterCertificate(ctx, &iot.RegisterCertificateInput{CertificatePem: pemOf(leaf)}))(t)
	equal(t, must(c.DescribeCertificate(ctx, &iot.DescribeCertificateInput{CertificateId: registered.CertificateId}))(t).CertificateDescription.CertificateMode, types.CertificateModeSniOnly)

	other, _ := newCertificate(t, "Other", nil, nil)
	_, err := c.RegisterCACertificate(ctx, &iot.RegisterCACertificateInput{CaCertificate: pemOf(other), CertificateMode: types.CertificateModeSniOnly, VerificationCertificate: pemOf(leaf)})
	refused(t, err, "InvalidRequestException", "must not be given")
	_, err = c.RegisterCACertificate(ctx, &iot.RegisterCACertificateInput{CaCertificate: pemOf(other)})
	refused(t, err, "InvalidRequestException", "verificationCertificate is required")
	_, err = c.RegisterCACertificate(ctx, &iot.RegisterCACertificateInput{CaCertificate: pemOf(other), CertificateMode: "SNI"})
	refused(t, err, "InvalidRequestException", "enum value set: [DEFAULT, SNI_ONLY]")
}

func TestExclusiveThings(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	for _, name := range []string{"a", "b"} {
		must(c.CreateThing(ctx, &iot.CreateThingInput{ThingName: &name}))(t)
	}
	one := must(c.CreateKeysAndCertificate(ctx, nil))(t).CertificateArn
	other := must(c.CreateKeysAndCertificate(ctx, nil))(t).CertificateArn
	attach := func(thing string, principal *string, kind types.ThingPrincipalType) error {
		_, err := c.AttachThingPrincipal(ctx, &iot.AttachThingPrincipalInput{ThingName: &thing, Principal: principal, ThingPrincipalType: kind})
		return err
	}
	if err := attach("a", one, types.ThingPrincipalTypeExclusiveThing); err != nil {
		t.Fatal(err)
	}
	if err := attach("a", other, ""); err != nil {
		t.Fatal(err)
	}
	refused(t, attach("b", one, ""), "InvalidRequestException", "attached to thing a exclusively")

	list := func(kind types.ThingPrincipalType) (principals []string) {
		for p := iot.NewListThingPrincipalsV2Paginator(c, &iot.ListThingPrincipalsV2Input{ThingName: aws.String("a"), ThingPrincipalType: kind, MaxResults: aws.Int32(1)}); p.HasMorePages(); {
			for _, o := range must(p.NextPage(ctx))(t).ThingPrincipalObjects {
				principals = append(principals, *o.Principal+" "+string(o.ThingPrincipalType))
			}
		}
		return principals
	}
	exclusive, shared := *one+" EXCLUSIVE_THING", *other+" NON_EXCLUSIVE_THING"
	equal(t, list(""), []string{min(exclusive, shared), max(exclusive, shared)})
	equal(t, list(types.ThingPrincipalTypeExclusiveThing), []string{exclusive})
	equal(t, list(types.ThingPrincipalTypeNonExclusiveThing), []string{shared})
	things := must(c.ListPrincipalThingsV2(ctx, &iot.ListPrincipalThingsV2Input{Principal: one}))(t).PrincipalThingObjects
	equal(t, *things[0].ThingName+" "+string(things[0].ThingPrincipalType), "a EXCLUSIVE_THING")
	_, err := c.ListThingPrincipalsV2(ctx, &iot.ListThingPrincipalsV2Input{ThingName: aws.String("absent")})
	refused(t, err, "ResourceNotFoundException", "absent")
	_, err = c.ListPrincipalThingsV2(ctx, &iot.ListPrincipalThingsV2Input{Principal: aws.String("absent")})
	refused(t, err, "InvalidRequestException", "ARN")
}
