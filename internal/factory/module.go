// Package factory is the bench where devices get their identity, as the AWS zero-touch provisioning kit for the
// ATECC508A has it: a root module that holds the root CA key, a signer module that holds the production signer's, and the
// thing itself. Each is a chip behind a kit board that answers the kit's aws: commands; no key ever leaves its chip.
//
//	bench := &factory.Bench{AWS: client, Root: root, Signer: signer, Thing: thing} // three kit connections
//	signed, err := bench.CertifySigner(ctx, code)   // root signs the signer's certificate
//	ca, err := bench.RegisterSigner(ctx, signed)     // bring your own certificate (BYOC)
//	chain, err := bench.CertifyThing(ctx)            // the signer signs the thing's certificate
//
// The [Bench] talks to modules by kit connections only, so emulated and real ones mix, and to the cloud through the AWS
// SDK, so any endpoint that speaks AWS IoT serves.
//
// Modules keep certificates in the 72-byte compressed form. Slots are those of the kit's TLS layout. Left out: the kit's
// second generation (one board, JSON commands), and the thing's own Wi-Fi.
package factory

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/kit"
)

// Slots of the kit's layout.
const (
	slotDeviceKey      = 0 // the thing's own key
	slotECDHE          = 2 // ephemeral keys of the thing's TLS handshakes
	slotAuthorityKey   = 3 // root CA key, production signer key
	slotFeature        = 7
	slotUserData       = 8
	slotCertificate    = 10 // compressed: the root's, the verification certificate, the thing's
	slotIssuerKey      = 11 // public key of the issuer
	slotSigner         = 12 // compressed signer certificate
	slotCertifyingRoot = 14 // public key of the root CA, on the thing
)

// A module is a chip with the kit's configuration behind a board.
type module struct {
	Board *kit.Board
	chip  *atecc.Device
	now   func() time.Time
}

// newModule puts the kit's configuration into a blank chip, locks it and makes the keys in slots. A chip that is locked
// already is taken as it is; only keys that are missing are made.
func newModule(ctx context.Context, t atecc.Transport, name string, firmware [3]byte, slots ...int) (module, error) {
	chip, err := atecc.Open(ctx, t)
	if err != nil {
		return module{}, err
	}
	m := module{chip: chip, now: time.Now}
	if err := m.personalize(ctx, slots); err != nil {
		return module{}, fmt.Errorf("%s, chip %s: %w", name, chip.SerialNumber(), err)
	}
	config := chip.Config()
	m.Board = &kit.Board{
		Name: name, Firmware: firmware,
		Chips: []kit.Chip{{Device: "ECC508A", Bus: "TWI", Address: config.I2CAddress(), Transport: t}},
	}
	return m, nil
}

func (m *module) personalize(ctx context.Context, slots []int) error {
	config := m.chip.Config()
	if !config.ConfigLocked() {
		if err := m.chip.WriteConfig(ctx, atecc.AWSKit()); err != nil {
			return err
		}
		if err := m.chip.LockConfig(ctx); err != nil {
			return err
		}
	}
	if !config.DataLocked() {
		if err := m.chip.LockData(ctx, nil); err != nil {
			return err
		}
		if err := m.chip.Sleep(ctx); err != nil { // the configured address counts from the next wake
			return err
		}
	}
	for _, slot := range slots {
		if _, err := m.chip.Key(ctx, slot); err == nil {
			continue
		}
		if _, err := m.chip.GenerateKey(ctx, slot); err != nil {
			return err
		}
	}
	return nil
}

// SerialNumber is the chip's.
func (m *module) SerialNumber() atecc.SerialNumber { return m.chip.SerialNumber() }

// A command answers one of the aws: commands.
type command func(context.Context, kit.Request) ([]byte, error)

// serve makes commands the board's application. They are found by the first two letters of their name, then by the first
// one, as the kit's firmware does it.
func (m *module) serve(commands map[string]command) {
	m.Board.App = func(ctx context.Context, r kit.Request) kit.Reply {
		if !strings.HasPrefix(r.Target, "aw") {
			return kit.Failure(kit.UnknownCommand)
		}
		f, ok := commands[r.Command[:min(2, len(r.Command))]]
		if !ok {
			f, ok = commands[r.Command[:1]]
		}
		if !ok {
			return kit.Failure(kit.UnknownCommand)
		}
		data, err := f(ctx, r)
		if status, ok := errors.AsType[kit.Status](err); ok {
			return kit.Failure(status)
		}
		if err != nil {
			return kit.Failure(kit.DeviceFailed)
		}
		return kit.Reply{Data: data}
	}
}

// arguments decodes the arguments of r, which must be of the given sizes; -1 accepts any.
func arguments(r kit.Request, sizes ...int) ([][]byte, error) {
	if len(r.Args) != len(sizes) {
		return nil, kit.InvalidParameter
	}
	args := make([][]byte, len(sizes))
	for i, size := range sizes {
		var err error
		if args[i], err = r.Hex(i, size); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// publicKey answers aws:p(SS) for the one slot whose key the module shows.
func (m *module) publicKey(slot int) command {
	return func(ctx context.Context, r kit.Request) ([]byte, error) {
		args, err := arguments(r, 1)
		if err != nil || int(args[0][0]) != slot {
			return nil, kit.InvalidParameter
		}
		point, err := m.point(ctx, slot)
		return point[:], err
	}
}

// sign answers aws:si(SS,DIGEST).
func (m *module) sign(slot int) command {
	return func(ctx context.Context, r kit.Request) ([]byte, error) {
		args, err := arguments(r, 1, sha256.Size)
		if err != nil || int(args[0][0]) != slot {
			return nil, kit.InvalidParameter
		}
		key, err := m.chip.Key(ctx, slot)
		if err != nil {
			return nil, err
		}
		signature, err := key.SignRaw(ctx, args[1])
		return signature[:], err
	}
}

func (m *module) point(ctx context.Context, slot int) ([64]byte, error) {
	key, err := m.chip.Key(ctx, slot)
	if err != nil {
		return [64]byte{}, err
	}
	return key.PublicPoint(), nil
}

// signTBS signs the part of a certificate that is signed with the module's own key.
func (m *module) signTBS(ctx context.Context, slot int, t *atecc.Template, f atecc.Fields) ([64]byte, error) {
	tbs, err := t.TBS(f)
	if err != nil {
		return [64]byte{}, err
	}
	key, err := m.chip.Key(ctx, slot)
	if err != nil {
		return [64]byte{}, err
	}
	digest := sha256.Sum256(tbs)
	return key.SignRaw(ctx, digest[:])
}

// store keeps a certificate in compressed form.
func (m *module) store(ctx context.Context, slot int, t *atecc.Template, f atecc.Fields, signature [64]byte) error {
	c, err := t.Compress(f, signature)
	if err != nil {
		return err
	}
	return m.chip.WriteSlot(ctx, slot, c[:])
}

// load rebuilds a certificate from its compressed form.
func (m *module) load(ctx context.Context, slot int, t *atecc.Template, f atecc.Fields) ([]byte, error) {
	b, err := m.chip.ReadSlot(ctx, slot, atecc.CompressedSize)
	if err != nil {
		return nil, err
	}
	return t.Expand(atecc.Compressed(b), f)
}

// chunkSize is how much of a PEM one reply to aws:g carries.
const chunkSize = 300

// chunk cuts one piece out of a PEM: a byte with the number of the chunk and how many there are, then text.
func chunk(text []byte, n byte) ([]byte, error) {
	count := (len(text) + chunkSize - 1) / chunkSize
	if int(n) >= count || count > 15 {
		return nil, kit.InvalidParameter
	}
	part := text[int(n)*chunkSize : min((int(n)+1)*chunkSize, len(text))]
	return append([]byte{n<<4 | byte(count)}, part...), nil
}

// verifies reports whether signature is the one of the key at point over the part of a certificate that is signed.
func verifies(point [64]byte, tbs []byte, signature [64]byte) bool {
	public, err := atecc.PublicKey(point)
	if err != nil {
		return false
	}
	der, err := atecc.MarshalSignature(signature)
	if err != nil {
		return false
	}
	digest := sha256.Sum256(tbs)
	return ecdsa.VerifyASN1(public, digest[:], der)
}

// hexText is how the kit writes text into its arguments.
func hexText(s string) string { return hex.EncodeToString([]byte(s)) }
