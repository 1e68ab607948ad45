package server_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/internal/server/servertest"
)

// slips are the places of the scanned document that its text recognition got wrong, and what stands there in
// print. Nothing else of the function is changed.
var slips = strings.NewReplacer(
	"var certificateARN:", "var certificateARN;",
	`will be running in region = "us-west-2";`, "will be running in\n"+`region = "us-west-2";`,
	"new AWS.lot(", "new AWS.Iot(",
)

// brokenComment is a comment line that the recognition broke after its slashes.
var brokenComment = regexp.MustCompile(`//\n +(Optionally|ACTIVATE)`)

// appendixFunction returns the Lambda function that is printed in the appendix of the document, from its scan.
func appendixFunction(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("../../../shared/seeds/001_*.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the document with the function is not part of this repository")
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	_, appendix, ok := strings.Cut(string(text), "8.1 Lambda Function, Policy Attachment and Device Activation\n")
	if !ok {
		t.Fatal("the document has no appendix 8.1")
	}
	appendix, _, _ = strings.Cut(appendix, "#### 9 ")
	var code strings.Builder
	for i, part := range strings.Split(appendix, "```") {
		if i%2 == 1 { // between two fences
			code.WriteString(part)
		}
	}
	return brokenComment.ReplaceAllString(slips.Replace(code.String()), "// $1")
}

// TestAppendixFunction runs a function of 2016 as it was printed, with npm's aws-sdk version 2, from a rule: a device of a
// registered CA connects, is registered and refused, and the function gives it a policy and activates it.
func TestAppendixFunction(t *testing.T) {
	code := appendixFunction(t)
	modules, err := filepath.Abs("../../build/node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	s := servertest.New(t, func(c *server.Config) { c.NodePath, c.Region = modules, "any" })
	cfg := s.AWS()
	cfg.Region = "us-west-2" // the document's
	cloud := iot.NewFromConfig(cfg)

	signer := newAuthority(t)
	caID := signer.register(t, cloud)
	createFunction(t, lambda.NewFromConfig(cfg), "activate", code)
	_, err = cloud.CreateTopicRule(t.Context(), &iot.CreateTopicRuleInput{
		RuleName: aws.String("jitr"),
		TopicRulePayload: &types.TopicRulePayload{
			Sql: aws.String("SELECT * FROM '$aws/events/certificates/registered/" + caID + "'"),
			Actions: []types.Action{{Lambda: &types.LambdaAction{
				FunctionArn: aws.String("arn:aws:lambda:us-west-2:" + servertest.Account + ":function:activate"),
			}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}

	device := signer.issue(t, "device")
	if _, err := connect(t, s, device, "device", 4); err == nil {
		t.Fatal("a certificate that nobody knows was admitted")
	}
	id := certificateID(device)
	await(t, "the certificate to be ACTIVE", func() bool {
		out, err := cloud.DescribeCertificate(t.Context(), &iot.DescribeCertificateInput{CertificateId: &id})
		if err != nil {
			t.Fatal(err)
		}
		return out.CertificateDescription.Status == types.CertificateStatusActive
	})
	if _, err := connect(t, s, device, "device", 4); err != nil {
		t.Errorf("once activated: %v", err)
	}
	policies, err := cloud.ListAttachedPolicies(t.Context(), &iot.ListAttachedPoliciesInput{
		Target: aws.String("arn:aws:iot:us-west-2:" + servertest.Account + ":cert/" + id),
	})
	if err != nil || len(policies.Policies) != 1 || *policies.Policies[0].PolicyName != "thingPolicy" {
		t.Errorf("attached policies %v, %v, want thingPolicy", policies, err)
	}
}

func createFunction(t *testing.T, c *lambda.Client, name, code string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("index.js")
	if err != nil {
		t.Fatal(err)
	}
	_, writeErr := w.Write([]byte(code))
	if err := errors.Join(writeErr, z.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = c.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: &name, Handler: aws.String("index.handler"), Runtime: lambdatypes.RuntimeNodejs20x,
		Role: aws.String("arn:aws:iam::" + servertest.Account + ":role/any"), Timeout: aws.Int32(30),
		Code: &lambdatypes.FunctionCode{ZipFile: b.Bytes()},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.AddPermission(t.Context(), &lambda.AddPermissionInput{
		FunctionName: &name, StatementId: aws.String("rules"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("iot.amazonaws.com"),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// An authority is a CA of the account's owner.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "signer " + rand.Text()}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key, a.cert = a.sign(t, template)
	return a
}

// sign makes a key and a certificate for it; an authority without a certificate signs itself.
func (a *authority) sign(t *testing.T, template *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	parent, by := a.cert, a.key
	if parent == nil {
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

func (a *authority) issue(t *testing.T, commonName string) tls.Certificate {
	t.Helper()
	key, cert := a.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: commonName}})
	return tls.Certificate{Certificate: [][]byte{cert.Raw, a.cert.Raw}, PrivateKey: key, Leaf: cert}
}

// register registers a with auto-registration and returns its certificate id.
func (a *authority) register(t *testing.T, cloud *iot.Client) string {
	t.Helper()
	code, err := cloud.GetRegistrationCode(t.Context(), &iot.GetRegistrationCodeInput{})
	if err != nil {
		t.Fatal(err)
	}
	verification := a.issue(t, *code.RegistrationCode)
	out, err := cloud.RegisterCACertificate(t.Context(), &iot.RegisterCACertificateInput{
		CaCertificate: aws.String(encodePEM(a.cert.Raw)), VerificationCertificate: aws.String(encodePEM(verification.Leaf.Raw)),
		SetAsActive: true, AllowAutoRegistration: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.CertificateId
}

func encodePEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// await asks until f says yes.
func await(t *testing.T, what string, f func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !f() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited 30 s for %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
