package main

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/thingward/thingward/atecc"
)

func chipKey(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newChipFlags("key", "CHIP")
	slot := f.slotFlag("of the private key")
	fresh := f.Bool("new", false, "make a new key first; the old one is gone for ever")
	out := f.String("out", "", "`file` for the PEM (default standard output)")
	c, _, err := f.forOne(ctx, args, stderr, 0)
	if err != nil {
		return err
	}
	defer c.close()
	var key *atecc.Key
	if *fresh {
		if err := checkPrivate(c, *slot); err != nil {
			return err
		}
		key, err = c.GenerateKey(ctx, *slot)
	} else {
		key, err = c.privateKey(ctx, *slot)
	}
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	return output(*out, stdout, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// checkPrivate says in words what the chip would only call an execution error.
func checkPrivate(c *openChip, slot int) error {
	if err := checkSlot(slot); err != nil {
		return err
	}
	config := c.Config()
	if !config.Key(slot).Private() {
		return fmt.Errorf("slot %d holds no private key, but: %s", slot, config.Describe(slot).Kind)
	}
	if !config.ConfigLocked() {
		return errors.New("the configuration of the chip is not locked yet, and before that it makes no keys: thingward chip lock --config")
	}
	return nil
}

// privateKey is the key in a slot, for signing.
func (c *openChip) privateKey(ctx context.Context, slot int) (*atecc.Key, error) {
	if err := checkPrivate(c, slot); err != nil {
		return nil, err
	}
	key, err := c.Key(ctx, slot)
	if errors.Is(err, atecc.StatusECCFault) || errors.Is(err, atecc.StatusExecution) {
		return nil, fmt.Errorf("%w; if the slot has no key yet, make one: thingward chip key %s --slot %d --new", err, shellQuote(c.name), slot)
	}
	return key, err
}

func chipSign(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newChipFlags("sign", "CHIP [FILE]")
	slot := f.slotFlag("of the private key")
	digest := f.String("digest", "", "sign this SHA-256 `digest`, 64 hexadecimal digits, instead of a file")
	raw := f.Bool("raw", false, "write R | S, 64 bytes, as the chip has it (default ASN.1)")
	out := f.String("out", "", "`file` for the signature (default standard output)")
	c, rest, err := f.forOne(ctx, args, stderr, 1)
	if err != nil {
		return err
	}
	defer c.close()
	sum, err := digestOf(*digest, rest)
	if err != nil {
		return err
	}
	key, err := c.privateKey(ctx, *slot)
	if err != nil {
		return err
	}
	if config := c.Config(); !config.Slot(*slot).ExternalSign() {
		return fmt.Errorf("the key in slot %d may not sign digests from outside: %s", *slot, config.Describe(*slot).Kind)
	}
	signature, err := key.Sign(nil, sum, crypto.SHA256)
	if err != nil {
		return err
	}
	if *raw {
		both, err := atecc.ParseSignature(signature)
		if err != nil {
			return err
		}
		signature = both[:]
	}
	return output(*out, stdout, signature)
}

// digestOf is the digest as given, or that of a file; without both, of standard input.
func digestOf(digest string, files []string) ([]byte, error) {
	if digest != "" {
		sum, err := hex.DecodeString(digest)
		if err != nil || len(sum) != sha256.Size || len(files) > 0 {
			return nil, errors.New("--digest takes 64 hexadecimal digits, and no file besides")
		}
		return sum, nil
	}
	in := os.Stdin
	if len(files) == 1 && files[0] != "-" {
		var err error
		if in, err = os.Open(files[0]); err != nil {
			return nil, err
		}
		defer in.Close()
	}
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

func chipRandom(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newChipFlags("random", "CHIP")
	n := f.Int("bytes", 32, "how `many`, up to 65536")
	c, _, err := f.forOne(ctx, args, stderr, 0)
	if err != nil {
		return err
	}
	defer c.close()
	if *n < 1 || *n > 1<<16 {
		return errors.New("--bytes takes 1 to 65536")
	}
	if config := c.Config(); !config.ConfigLocked() {
		return errors.New("before its configuration is locked a chip answers the fixed pattern FFFF0000, no random bytes")
	}
	var b []byte
	err = c.Do(ctx, func(t atecc.Transport) error {
		for len(b) < *n {
			block, err := atecc.Random{}.Execute(ctx, t)
			if err != nil {
				return err
			}
			b = append(b, block[:]...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%x\n", b[:*n])
	return err
}
