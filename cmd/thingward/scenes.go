package main

import (
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/internal/device"
	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/mqtt"
)

func (d *demonstration) showRoot(ctx context.Context) (string, error) {
	text, err := d.bench.RootCertificate(ctx)
	if err != nil {
		return "", err
	}
	cert, err := decodeCertificate(text)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s; key made in slot 3 of its chip", cert.Subject.CommonName), nil
}

func (d *demonstration) certifySigner(ctx context.Context) (string, error) {
	code, err := d.bench.RegistrationCode(ctx)
	if err != nil {
		return "", err
	}
	if d.signed, err = d.bench.CertifySigner(ctx, code); err != nil {
		return "", err
	}
	return "and its verification certificate names code " + code[:8] + "…", nil
}

func (d *demonstration) registerSigner(ctx context.Context) (id string, err error) {
	if d.caID, err = d.bench.RegisterSigner(ctx, d.signed); err != nil {
		return "", err
	}
	return "CA " + d.caID[:8] + "… ACTIVE, auto-registration on", nil
}

func (d *demonstration) certifyThing(ctx context.Context) (string, error) {
	text, err := d.bench.CertifyThing(ctx)
	if err != nil {
		return "", err
	}
	cert, err := decodeCertificate(text)
	if err != nil {
		return "", err
	}
	id := sha256.Sum256(cert.Raw)
	d.certificateID = hex.EncodeToString(id[:])
	return fmt.Sprintf("%d bytes, kept in %d; certificate %s…", len(cert.Raw), atecc.CompressedSize, d.certificateID[:8]), nil
}

// configureThing creates the thing and tells the device where its cloud is, and whose word it may take.
func (d *demonstration) configureThing(ctx context.Context) (string, error) {
	if _, err := d.iot.CreateThing(ctx, &iot.CreateThingInput{ThingName: aws.String(demoThing)}); err != nil {
		return "", err
	}
	out, err := d.iot.DescribeEndpoint(ctx, &iot.DescribeEndpointInput{EndpointType: aws.String("iot:Data-ATS")})
	if err != nil {
		return "", err
	}
	host := aws.ToString(out.EndpointAddress)
	if err := d.bench.Configure(ctx, host, demoThing, "factory", "zero-touch"); err != nil {
		return "", err
	}
	root, err := d.serverRoot()
	if err != nil {
		return "", err
	}
	point, err := atecc.Point(root.PublicKey.(*ecdsa.PublicKey))
	if err != nil {
		return "", err
	}
	if _, err := d.bench.Thing.Do(fmt.Sprintf("aws:sr(%X)", point)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s at %s", demoThing, host), nil
}

// serverRoot is the P-256 root of the server's certificates: old chips know no other algorithm.
func (d *demonstration) serverRoot() (*x509.Certificate, error) {
	for rest := d.server.RootPEM(); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errors.New("the server has no P-256 root")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		if _, ok := cert.PublicKey.(*ecdsa.PublicKey); ok {
			return cert, nil
		}
	}
}

// newDevice is the firmware: it reads its identity from the chip.
func (d *demonstration) newDevice(ctx context.Context) (*device.Device, *hello, error) {
	id, err := d.modules.thing.Identity(ctx)
	if err != nil {
		return nil, nil, err
	}
	root, err := d.serverRoot()
	if err != nil {
		return nil, nil, err
	}
	_, port, err := net.SplitHostPort(d.server.MQTTAddr().String())
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	seen := &hello{}
	return &device.Device{
		Endpoint: net.JoinHostPort(id.Host, port),
		ClientID: d.modules.thing.SerialNumber().String(),
		TLS: &device.TLS{
			Roots: roots, Chain: id.Chain, Key: id.Key, Observe: seen.observe,
			KeyExchange: func(peer *ecdh.PublicKey) (*ecdh.PublicKey, []byte, error) {
				key, err := id.ECDHE(ctx)
				if err != nil {
					return nil, nil, err
				}
				public, err := key.Public().(*ecdsa.PublicKey).ECDH()
				if err != nil {
					return nil, nil, err
				}
				secret, err := key.ECDH(peer)
				return public, secret, err
			},
		},
	}, seen, nil
}

// A hello counts the bytes of the device's ClientHello, and the messages of the handshake.
type hello struct{ bytes, messages int }

func (h *hello) observe(m device.Message) {
	h.messages++
	if m.Name == "ClientHello" {
		h.bytes, h.messages = len(m.Bytes)+recordHeader, 1
	}
}

// recordHeader is what TLS puts before a message on the wire (RFC 5246 section 6.2.1).
const recordHeader = 5

// firstContact connects with a certificate that the cloud has never seen: it is registered, and refused.
func (d *demonstration) firstContact(ctx context.Context) (string, error) {
	dev, seen, err := d.newDevice(ctx)
	if err != nil {
		return "", err
	}
	d.device = dev
	s, err := dev.ConnectOnce(ctx)
	if err == nil {
		s.Close()
		return "", errors.New("a certificate that nobody knows was admitted")
	}
	if !errors.Is(err, device.ErrNoAnswer) {
		return "", err
	}
	return fmt.Sprintf("%d bytes, one suite (c02b); %d messages; certificate PENDING_ACTIVATION", seen.bytes, seen.messages), nil
}

func (d *demonstration) awaitActivation(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second, errors.New("the certificate was not activated in 20 s"))
	defer cancel()
	for {
		out, err := d.iot.DescribeCertificate(ctx, &iot.DescribeCertificateInput{CertificateId: &d.certificateID})
		if err != nil {
			return "", errors.Join(err, context.Cause(ctx))
		}
		if c := out.CertificateDescription; c.Status == types.CertificateStatusActive {
			if aws.ToString(c.CaCertificateId) != d.caID {
				return "", fmt.Errorf("the certificate is registered under CA %s, want %s", aws.ToString(c.CaCertificateId), d.caID)
			}
			return "certificate ACTIVE, policy demo-device attached", nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

func (d *demonstration) reconnect(ctx context.Context) (string, error) {
	s, err := d.device.ConnectOnce(ctx)
	if err != nil {
		return "", err
	}
	return "client id " + d.device.ClientID, s.Close()
}

// exchange sends a message to the device itself, through the broker and back.
func (d *demonstration) exchange(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Second, errors.New("the message did not come back in 10 s"))
	defer cancel()
	got := make(chan *mqtt.Publish, 1)
	dev := *d.device
	dev.OnMessage = func(p *mqtt.Publish) {
		copied := &mqtt.Publish{Topic: p.Topic, Payload: append([]byte(nil), p.Payload...)}
		select {
		case got <- copied:
		default:
		}
	}
	s, err := dev.ConnectOnce(ctx)
	if err != nil {
		return "", err
	}
	defer s.Close()
	topic := "devices/" + dev.ClientID + "/hello"
	if err := s.Subscribe(ctx, topic, 1); err != nil {
		return "", err
	}
	if err := s.Publish(ctx, topic, []byte(`{"button1":"up"}`), 1); err != nil {
		return "", err
	}
	select {
	case p := <-got:
		return fmt.Sprintf("%s %s", p.Topic, p.Payload), nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// trespass publishes where no statement of the policy allows it: the connection ends, as on AWS, and the journal says why.
func (d *demonstration) trespass(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	s, err := d.device.ConnectOnce(ctx)
	if err != nil {
		return "", err
	}
	defer s.Close()
	if err := s.Publish(ctx, "factory/recipes", []byte("mine"), 1); err == nil {
		return "", errors.New("the message was accepted, though no policy allows it")
	} else if ctx.Err() != nil {
		return "", errors.New("the connection was not ended")
	}
	e, err := d.server.Refusal(ctx, d.device.ClientID, journal.PublishIn)
	if err != nil {
		return "", err
	}
	return "refused, connection ended; `thingward why` says why:\n" + e.Details, nil
}

func decodeCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}
