package factory

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/kit"
)

// A Bench is what the person at the factory sits in front of: three modules on kit connections, and the cloud.
type Bench struct {
	AWS                 *iot.Client
	Root, Signer, Thing *kit.Conn
}

// A Part is what a board says of itself.
type Part struct {
	Role     string // signer, root or thing
	Name     string // AT88CKECCROOT
	Firmware [3]byte
}

// Parts asks each board what it is. The thing's firmware has to be 1.0.6 or later.
func (b *Bench) Parts(context.Context) ([]Part, error) {
	var parts []Part
	for _, board := range []struct {
		role string
		conn *kit.Conn
	}{{"signer", b.Signer}, {"root", b.Root}, {"thing", b.Thing}} {
		reply, err := board.conn.Do("b:f(00)")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", board.role, err)
		}
		if len(reply.Data) != 3 {
			return nil, fmt.Errorf("%s: firmware version %X, want three bytes", board.role, reply.Data)
		}
		parts = append(parts, Part{board.role, reply.Text, [3]byte(reply.Data)})
	}
	if v := parts[2].Firmware; bytes.Compare(v[:], []byte{1, 0, 6}) < 0 {
		return nil, fmt.Errorf("thing: firmware %d.%d.%d is too old: the bench needs 1.0.6", v[0], v[1], v[2])
	}
	return parts, nil
}

// A SignedSigner is a production signer that the root has certified.
type SignedSigner struct {
	Certificate  []byte // PEM
	Verification []byte // PEM: proves to the cloud that the signer holds its key
}

// CertifySigner has the root sign the signer's certificate. The signer also makes its verification certificate, whose
// common name is the registration code of the cloud (64 hexadecimal digits).
func (b *Bench) CertifySigner(ctx context.Context, registrationCode string) (*SignedSigner, error) {
	code, err := hex.DecodeString(registrationCode)
	if err != nil || len(code) != 32 {
		return nil, fmt.Errorf("registration code %q: the signer module takes 64 hexadecimal digits", registrationCode)
	}
	root, err := b.Root.Do("aws:p(03)")
	if err != nil {
		return nil, fmt.Errorf("root's public key: %w", err)
	}
	digest, err := b.Signer.Do(fmt.Sprintf("aws:i(%X,%X)", code, root.Data))
	if err != nil {
		return nil, fmt.Errorf("signer builds its certificate: %w", err)
	}
	signature, err := signDigest(b.Root, digest)
	if err != nil {
		return nil, fmt.Errorf("root signs the signer's certificate: %w", err)
	}
	if _, err := b.Signer.Do(fmt.Sprintf("aws:ss(%02X,%X)", signerCertificate, signature)); err != nil {
		return nil, fmt.Errorf("signer stores the signature: %w", err)
	}
	s := &SignedSigner{}
	if s.Certificate, err = fetchPEM(b.Signer, signerCertificate); err != nil {
		return nil, fmt.Errorf("signer certificate: %w", err)
	}
	if s.Verification, err = fetchPEM(b.Signer, verificationCertificate); err != nil {
		return nil, fmt.Errorf("verification certificate: %w", err)
	}
	return s, b.checkSigner(s)
}

// checkSigner makes sure that the certificate is for the key that the module has.
func (b *Bench) checkSigner(s *SignedSigner) error {
	key, err := b.Signer.Do("aws:p(03)")
	if err != nil {
		return fmt.Errorf("signer's public key: %w", err)
	}
	block, _ := pem.Decode(s.Certificate)
	cert, err := x509.ParseCertificate(block.Bytes) // fetchPEM has seen the block
	if err != nil {
		return fmt.Errorf("signer certificate: %w", err)
	}
	public, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return errors.New("signer certificate: the key is not one of P-256")
	}
	if point, err := atecc.Point(public); err != nil || !bytes.Equal(point[:], key.Data) {
		return errors.New("the signer certificate is not for the key in the signer module")
	}
	return nil
}

// RootCertificate fetches the root's certificate as PEM.
func (b *Bench) RootCertificate(context.Context) ([]byte, error) {
	return fetchPEM(b.Root, rootCertificate)
}

// RegistrationCode asks the cloud for the code that the verification certificate has to carry.
func (b *Bench) RegistrationCode(ctx context.Context) (string, error) {
	out, err := b.AWS.GetRegistrationCode(ctx, &iot.GetRegistrationCodeInput{})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.RegistrationCode), nil
}

// RegisterSigner registers the signer as a CA of the account (bring your own certificate), activates it and has the
// certificates that it signed registered when they first connect (JITR). It returns the id of the CA certificate. A signer
// that is registered already is activated again.
func (b *Bench) RegisterSigner(ctx context.Context, s *SignedSigner) (string, error) {
	var id string
	out, err := b.AWS.RegisterCACertificate(ctx, &iot.RegisterCACertificateInput{
		CaCertificate:           aws.String(string(s.Certificate)),
		VerificationCertificate: aws.String(string(s.Verification)),
	})
	if exists, ok := errors.AsType[*types.ResourceAlreadyExistsException](err); ok {
		id = aws.ToString(exists.ResourceId)
	} else if err != nil {
		return "", err
	} else {
		id = aws.ToString(out.CertificateId)
	}
	_, err = b.AWS.UpdateCACertificate(ctx, &iot.UpdateCACertificateInput{
		CertificateId: &id, NewStatus: types.CACertificateStatusActive,
		NewAutoRegistrationStatus: types.AutoRegistrationStatusEnable,
	})
	if err != nil {
		return "", fmt.Errorf("activate CA %s: %w", id, err)
	}
	return id, nil
}

// CertifyThing has the thing make its key and the signer sign its certificate; the thing keeps both certificates of its
// chain. It returns the device certificate as PEM.
func (b *Bench) CertifyThing(ctx context.Context) ([]byte, error) {
	signerPEM, err := b.signThing()
	if err != nil {
		return nil, err
	}
	return b.completeThing(signerPEM)
}

// PrepareThing is CertifyThing for a thing that also learns where to connect and what it is called, in the order in which
// the kit's own program does it.
func (b *Bench) PrepareThing(ctx context.Context, host, thingName string) ([]byte, error) {
	signerPEM, err := b.signThing()
	if err != nil {
		return nil, err
	}
	if err := b.nameThing(host, thingName); err != nil {
		return nil, err
	}
	return b.completeThing(signerPEM)
}

// Configure tells the thing where to connect and what it is called, and its Wi-Fi.
func (b *Bench) Configure(ctx context.Context, host, thingName, ssid, password string) error {
	if err := b.nameThing(host, thingName); err != nil {
		return err
	}
	return b.SetWiFi(ctx, ssid, password)
}

// SetWiFi tells the thing its Wi-Fi. Then its firmware begins to connect.
func (b *Bench) SetWiFi(ctx context.Context, ssid, password string) error {
	if _, err := b.Thing.Do("aws:sw(" + hexText(ssid) + "," + hexText(password) + ")"); err != nil {
		return fmt.Errorf("thing stores its Wi-Fi data (a password of at most 32 bytes): %w", err)
	}
	return nil
}

// signThing has the thing make its key, and the signer sign the certificate. It returns the signer's.
func (b *Bench) signThing() (signerPEM []byte, err error) {
	signerKey, err := b.Signer.Do("aws:p(03)")
	if err != nil {
		return nil, fmt.Errorf("signer's public key: %w", err)
	}
	if signerPEM, err = fetchPEM(b.Signer, signerCertificate); err != nil {
		return nil, fmt.Errorf("signer certificate: %w", err)
	}
	digest, err := b.Thing.Do(fmt.Sprintf("aws:i(%X)", signerKey.Data))
	if err != nil {
		return nil, fmt.Errorf("thing builds its certificate: %w", err)
	}
	signature, err := signDigest(b.Signer, digest)
	if err != nil {
		return nil, fmt.Errorf("signer signs the thing's certificate: %w", err)
	}
	if _, err := b.Thing.Do(fmt.Sprintf("aws:ss(%02X,%X)", deviceCertificate, signature)); err != nil {
		return nil, fmt.Errorf("thing stores the signature: %w", err)
	}
	return signerPEM, nil
}

func (b *Bench) nameThing(host, thingName string) error {
	if _, err := b.Thing.Do("aws:sh(" + hexText(host) + "," + hexText(thingName) + ")"); err != nil {
		return fmt.Errorf("thing stores host %q and name %q: %w", host, thingName, err)
	}
	return nil
}

// completeThing fetches the thing's certificate and gives it the other one of its chain.
func (b *Bench) completeThing(signerPEM []byte) ([]byte, error) {
	reply, err := b.Thing.Do(fmt.Sprintf("aws:g(%02X,00)", deviceCertificate))
	if err != nil {
		return nil, fmt.Errorf("device certificate: %w", err)
	}
	if block, _ := pem.Decode(reply.Data); block == nil {
		return nil, errors.New("the thing's certificate is no PEM")
	}
	if _, err := b.Thing.Do(fmt.Sprintf("aws:sc(%02X,%s)", signerCertificate, signerPEM)); err != nil {
		return nil, fmt.Errorf("thing stores the signer certificate: %w", err)
	}
	return reply.Data, nil
}

// signDigest has an authority sign what another module wants signed.
func signDigest(authority *kit.Conn, digest kit.Reply) ([]byte, error) {
	if len(digest.Data) != sha256.Size {
		return nil, fmt.Errorf("digest of %d bytes, want %d", len(digest.Data), sha256.Size)
	}
	reply, err := authority.Do(fmt.Sprintf("aws:si(03,%X)", digest.Data))
	return reply.Data, err
}

// fetchPEM collects the chunks of a certificate from a module.
func fetchPEM(module *kit.Conn, id byte) ([]byte, error) {
	var text []byte
	for n, count := 0, 1; n < count; n++ {
		reply, err := module.Do(fmt.Sprintf("aws:g(%02X,%02X)", id, n))
		if err != nil {
			return nil, err
		}
		if len(reply.Data) == 0 || int(reply.Data[0]>>4) != n {
			return nil, fmt.Errorf("chunk %d of certificate %02X is out of order", n, id)
		}
		count = int(reply.Data[0] & 15)
		text = append(text, reply.Data[1:]...)
	}
	if block, _ := pem.Decode(text); block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("certificate %02X is no PEM", id)
	}
	return text, nil
}
