package moduletest

import (
	"encoding/pem"
	"net"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"

	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/internal/server/servertest"
)

// A cloud is our own server, which knows the certificates of a token.
type cloud struct {
	*servertest.Server
	port string // MQTT
	root string // file
}

func newCloud(k *token, change ...func(*server.Config)) *cloud {
	k.t.Helper()
	return newCloudFor(k, pairs(k), change...)
}

func newCloudFor(k *token, known []pair, change ...func(*server.Config)) *cloud {
	t := k.t
	t.Helper()
	c := &cloud{Server: servertest.New(t, change...), root: k.path("root.pem")}
	_, c.port, _ = net.SplitHostPort(c.MQTTAddr().String())
	if err := os.WriteFile(c.root, c.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	api := iot.NewFromConfig(c.AWS())
	if _, err := api.CreatePolicy(t.Context(), &iot.CreatePolicyInput{PolicyName: aws.String("all"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}`)}); err != nil {
		t.Fatal(err)
	}
	for _, p := range known {
		c.register(t, api, p)
	}
	return c
}

func (c *cloud) register(t testing.TB, api *iot.Client, p pair) {
	t.Helper()
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw}))
	made, err := api.RegisterCertificateWithoutCA(t.Context(), &iot.RegisterCertificateWithoutCAInput{CertificatePem: &text, Status: types.CertificateStatusActive})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.AttachPolicy(t.Context(), &iot.AttachPolicyInput{PolicyName: aws.String("all"), Target: made.CertificateArn}); err != nil {
		t.Fatal(err)
	}
}
