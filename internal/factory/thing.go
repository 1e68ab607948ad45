package factory

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/kit"
)

// Thing is the device: a board with a chip that holds the device's key.
type Thing struct {
	module

	// Quirky makes the commands behave as the kit's published firmware in what that does wrongly: aws:i on a chip without
	// locked configuration, and aws:ss and aws:sc with an unknown id, are answered with success and do nothing; aws:ss(01)
	// is taken for aws:ss(03); no signature is checked. Set it before the board is served.
	Quirky bool

	pending *atecc.Fields // of the device certificate between aws:i and aws:ss; under the board's lock
}

// NewThing makes a chip the thing's. A blank chip gets the kit's configuration and keys.
func NewThing(ctx context.Context, t atecc.Transport) (*Thing, error) {
	m, err := newModule(ctx, t, "ATSAMG55", [3]byte{1, 0, 6}, slotDeviceKey, slotECDHE, slotAuthorityKey, slotFeature)
	if err != nil {
		return nil, err
	}
	d := &Thing{module: m}
	d.serve(map[string]command{
		"p":  d.publicKey(slotDeviceKey),
		"g":  d.getCertificate,
		"gr": d.getRoot,
		"i":  d.init,
		"si": d.sign(slotDeviceKey),
		"ss": d.storeSignature,
		"sc": d.storeCertificate,
		"sh": d.storeHost,
		"sw": d.storeWiFi,
		"sr": d.storeRoot,
	})
	return d, nil
}

// init answers aws:i(SIGNERPUB): it makes a new device key and answers with the digest of the device certificate that the
// signer has to sign.
func (d *Thing) init(ctx context.Context, r kit.Request) ([]byte, error) {
	args, err := arguments(r, 64)
	if err != nil {
		return nil, err
	}
	signer := [64]byte(args[0])
	if _, err := atecc.PublicKey(signer); err != nil {
		return nil, kit.InvalidParameter
	}
	config, err := d.chip.ReadConfig(ctx)
	switch {
	case err != nil:
		return nil, err
	case !config.ConfigLocked() && d.Quirky:
		return nil, nil
	}
	key, err := d.chip.GenerateKey(ctx, slotDeviceKey)
	if err != nil {
		return nil, err
	}
	d.pending = &atecc.Fields{PublicKey: key.PublicPoint(), IssuerKey: signer, NotBefore: issueDate(d.now())}
	tbs, err := deviceTemplate.TBS(*d.pending)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(tbs)
	return digest[:], nil
}

// storeSignature answers aws:ss(03,SIG): it completes the device certificate with the signer's signature.
func (d *Thing) storeSignature(ctx context.Context, r kit.Request) ([]byte, error) {
	args, err := arguments(r, 1, 64)
	if err != nil {
		return nil, err
	}
	id, signature := args[0][0], [64]byte(args[1])
	if d.Quirky && id != deviceCertificate && id != signerCertificate {
		return nil, nil
	}
	if id != deviceCertificate && !d.Quirky || d.pending == nil {
		return nil, kit.InvalidParameter
	}
	tbs, err := deviceTemplate.TBS(*d.pending)
	if err != nil {
		return nil, err
	}
	if !d.Quirky && !verifies(d.pending.IssuerKey, tbs, signature) {
		return nil, kit.InvalidParameter
	}
	if err := d.chip.WritePublicKey(ctx, slotIssuerKey, d.pending.IssuerKey); err != nil {
		return nil, err
	}
	if err := d.store(ctx, slotCertificate, deviceTemplate, *d.pending, signature); err != nil {
		return nil, err
	}
	d.pending = nil
	return nil, nil
}

// storeCertificate answers aws:sc(ID,PEM). Certificates are kept compressed.
func (d *Thing) storeCertificate(ctx context.Context, r kit.Request) ([]byte, error) {
	id, err := r.Hex(0, 1)
	if err != nil || len(r.Args) != 2 {
		return nil, kit.InvalidParameter
	}
	known := id[0] == signerCertificate || id[0] == deviceCertificate
	if d.Quirky && !known {
		return nil, nil
	}
	block, _ := pem.Decode([]byte(r.Args[1]))
	if block == nil || !known {
		return nil, kit.InvalidParameter
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, kit.InvalidParameter
	}
	if id[0] == deviceCertificate {
		return nil, d.storeDeviceCertificate(ctx, cert)
	}
	return nil, d.storeSignerCertificate(ctx, cert)
}

// storeSignerCertificate keeps the second certificate of the chain that the thing shows.
func (d *Thing) storeSignerCertificate(ctx context.Context, cert *x509.Certificate) error {
	c, err := signerTemplate.CompressCertificate(cert.Raw, atecc.Fields{})
	if err != nil {
		return kit.InvalidParameter
	}
	if err := d.chip.WriteSlot(ctx, slotSigner, c[:]); err != nil {
		return err
	}
	return d.changeUserData(ctx, func(u *userData) error {
		return u.set(fieldAuthorityKeyID, cert.AuthorityKeyId)
	})
}

// storeDeviceCertificate keeps a certificate that was made elsewhere for the thing's key, by the signer whose key is known.
func (d *Thing) storeDeviceCertificate(ctx context.Context, cert *x509.Certificate) error {
	signer, err := d.chip.ReadPublicKey(ctx, slotIssuerKey)
	if err != nil {
		return err
	}
	own, err := d.point(ctx, slotDeviceKey)
	if err != nil {
		return err
	}
	public, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return kit.InvalidParameter
	}
	if point, err := atecc.Point(public); err != nil || point != own {
		return kit.InvalidParameter
	}
	c, err := deviceTemplate.CompressCertificate(cert.Raw, atecc.Fields{IssuerKey: signer})
	if err != nil || !d.Quirky && !verifies(signer, cert.RawTBSCertificate, c.Signature()) {
		return kit.InvalidParameter
	}
	return d.chip.WriteSlot(ctx, slotCertificate, c[:])
}

// getCertificate answers aws:g(03,00) with the whole PEM in one reply.
func (d *Thing) getCertificate(ctx context.Context, r kit.Request) ([]byte, error) {
	args, err := arguments(r, 1, 1)
	if err != nil || args[0][0] != deviceCertificate || args[1][0] != 0 {
		return nil, kit.InvalidParameter
	}
	der, err := d.certificate(ctx)
	return encodePEM(der), err
}

// getRoot answers aws:gr() and storeRoot answers aws:sr(PUB).
func (d *Thing) getRoot(ctx context.Context, r kit.Request) ([]byte, error) {
	if len(r.Args) != 0 {
		return nil, kit.InvalidParameter
	}
	point, err := d.chip.ReadPublicKey(ctx, slotCertifyingRoot)
	return point[:], err
}

func (d *Thing) storeRoot(ctx context.Context, r kit.Request) ([]byte, error) {
	args, err := arguments(r, 64)
	if err != nil {
		return nil, err
	}
	return nil, d.chip.WritePublicKey(ctx, slotCertifyingRoot, [64]byte(args[0]))
}

// storeHost answers aws:sh(HOST,THING).
func (d *Thing) storeHost(ctx context.Context, r kit.Request) ([]byte, error) {
	return d.storePair(ctx, r, fieldHost, fieldThingName)
}

// storeWiFi answers aws:sw(SSID,PSK).
func (d *Thing) storeWiFi(ctx context.Context, r kit.Request) ([]byte, error) {
	return d.storePair(ctx, r, fieldSSID, fieldPSK)
}

func (d *Thing) storePair(ctx context.Context, r kit.Request, first, second userField) ([]byte, error) {
	args, err := arguments(r, -1, -1)
	if err != nil {
		return nil, err
	}
	return nil, d.changeUserData(ctx, func(u *userData) error {
		if err := u.set(first, args[0]); err != nil {
			return err
		}
		return u.set(second, args[1])
	})
}

func (d *Thing) certificate(ctx context.Context) ([]byte, error) {
	own, err := d.point(ctx, slotDeviceKey)
	if err != nil {
		return nil, err
	}
	signer, err := d.chip.ReadPublicKey(ctx, slotIssuerKey)
	if err != nil {
		return nil, err
	}
	return d.load(ctx, slotCertificate, deviceTemplate, atecc.Fields{PublicKey: own, IssuerKey: signer})
}

func (d *Thing) signerCertificate(ctx context.Context, u *userData) ([]byte, error) {
	signer, err := d.chip.ReadPublicKey(ctx, slotIssuerKey)
	if err != nil {
		return nil, err
	}
	return d.load(ctx, slotSigner, signerTemplate, atecc.Fields{PublicKey: signer, IssuerKeyID: u.get(fieldAuthorityKeyID)})
}

// Identity is what the thing's firmware reads from its chip to connect.
type Identity struct {
	Host, ThingName string
	Chain           [][]byte // DER: the device's certificate and the signer's, rebuilt from 72 bytes each
	Key             *atecc.Key
	ECDHE           func(context.Context) (*atecc.Key, error) // makes the ephemeral key of a handshake in its slot
}

// Identity reads what was stored by the bench.
func (d *Thing) Identity(ctx context.Context) (*Identity, error) {
	u, err := d.userData(ctx)
	if err != nil {
		return nil, err
	}
	id := &Identity{Host: string(u.get(fieldHost)), ThingName: string(u.get(fieldThingName))}
	if id.Host == "" || id.ThingName == "" {
		return nil, errors.New("the thing has no host or name yet: store them with aws:sh")
	}
	for _, load := range []func() ([]byte, error){
		func() ([]byte, error) { return d.certificate(ctx) },
		func() ([]byte, error) { return d.signerCertificate(ctx, u) },
	} {
		der, err := load()
		if err != nil {
			return nil, fmt.Errorf("certificate in the chip: %w", err)
		}
		id.Chain = append(id.Chain, der)
	}
	if id.Key, err = d.chip.Key(ctx, slotDeviceKey); err != nil {
		return nil, err
	}
	id.ECDHE = func(ctx context.Context) (*atecc.Key, error) { return d.chip.GenerateKey(ctx, slotECDHE) }
	return id, nil
}

// userData is slot 8 as the thing's firmware lays it out: a little endian length and the value, padded with zeros.
type userData [200]byte

type userField struct {
	name         string
	offset, size int  // of the value
	prefixed     bool // its length stands in the 4 bytes before it
}

var (
	fieldSSID           = userField{"SSID", 4, 32, true}
	fieldPSK            = userField{"password", 40, 32, true}
	fieldHost           = userField{"host", 76, 64, true}
	fieldThingName      = userField{"thing name", 144, 32, true}
	fieldAuthorityKeyID = userField{"authority key id", 180, 20, false}
)

func (u *userData) get(f userField) []byte {
	size := f.size
	if f.prefixed {
		size = min(size, int(binary.LittleEndian.Uint32(u[f.offset-4:])))
	}
	return u[f.offset : f.offset+size]
}

// set refuses a value that does not fit: a Wi-Fi passphrase of 63 characters is one.
func (u *userData) set(f userField, v []byte) error {
	if len(v) > f.size || !f.prefixed && len(v) != f.size {
		return kit.InvalidParameter
	}
	if f.prefixed {
		binary.LittleEndian.PutUint32(u[f.offset-4:], uint32(len(v)))
	}
	clear(u[f.offset : f.offset+f.size])
	copy(u[f.offset:], v)
	return nil
}

func (m *module) userData(ctx context.Context) (*userData, error) {
	b, err := m.chip.ReadSlot(ctx, slotUserData, len(userData{}))
	if err != nil {
		return nil, err
	}
	u := userData(b)
	if blank := bytes.Repeat([]byte{0xFF}, len(u)); bytes.Equal(u[:], blank) {
		u = userData{}
	}
	return &u, nil
}

// authorityKeyID names the key that signed the signer's certificate.
func (m *module) authorityKeyID(ctx context.Context) ([]byte, error) {
	u, err := m.userData(ctx)
	if err != nil {
		return nil, err
	}
	return u.get(fieldAuthorityKeyID), nil
}

func (d *Thing) changeUserData(ctx context.Context, change func(*userData) error) error {
	u, err := d.userData(ctx)
	if err != nil {
		return err
	}
	if err := change(u); err != nil {
		return err
	}
	return d.chip.WriteSlot(ctx, slotUserData, u[:])
}
