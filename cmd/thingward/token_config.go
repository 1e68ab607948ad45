package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/internal/factory"
	"github.com/thingward/thingward/pkcs11"
)

// tokenConfVariable names the file with the slots.
const tokenConfVariable = "THINGWARD_TOKEN_CONF"

// tokenConfPath is the file with the slots: $THINGWARD_TOKEN_CONF, else the user's if there is one, else the machine's if there is
// one, else the user's that is still to be written.
func tokenConfPath() (string, error) {
	if path := os.Getenv(tokenConfVariable); path != "" {
		return path, nil
	}
	const machine = "/etc/thingward/token.toml"
	dir, err := os.UserConfigDir()
	if err != nil { // a service without home
		return machine, nil
	}
	own := filepath.Join(dir, "thingward", "token.toml")
	if _, err := os.Stat(own); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(machine); err == nil {
			return machine, nil
		}
	}
	return own, nil
}

// readTokenConf reads the slots. Relative names of files count from the directory of the configuration. A file that is not there is
// no slots.
func readTokenConf() (pkcs11.Config, string, error) {
	cfg := pkcs11.Config{ReadCertificates: readChipCertificates, WriteCertificate: factory.StoreCertificate}
	path, err := tokenConfPath()
	if err != nil {
		return cfg, "", err
	}
	meta, err := toml.DecodeFile(path, &cfg)
	if errors.Is(err, fs.ErrNotExist) {
		return cfg, path, nil
	}
	if err != nil {
		return cfg, path, fmt.Errorf("%s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return cfg, path, fmt.Errorf("%s: %s is no setting of a slot", path, unknown[0])
	}
	for i := range cfg.Slots {
		s := &cfg.Slots[i]
		if s.Passphrase != "" || len(s.Secrets) > 0 {
			if err := keptSecret(path); err != nil {
				return cfg, path, err
			}
		}
		s.File = besides(path, s.File)
		for slot, file := range s.Certificates {
			s.Certificates[slot] = besides(path, file)
		}
		if chip, ok := strings.CutPrefix(s.Chip, "sim:"); ok {
			s.Chip = "sim:" + besides(path, chip)
		}
	}
	return cfg, path, nil
}

// keptSecret tells whether only its owner reads a file.
func keptSecret(path string) error {
	info, err := os.Stat(path)
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s has secrets of chips, and others than its owner may read it: chmod 600 %s", path, shellQuote(path))
	}
	return err
}

func besides(conf, file string) string {
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(filepath.Dir(conf), file)
}

// readChipCertificates gives the certificates of a chip with the AWS kit's layout their names in FreeRTOS.
func readChipCertificates(ctx context.Context, chip *atecc.Device) ([]pkcs11.ChipCertificate, error) {
	stored, err := factory.StoredCertificates(ctx, chip)
	if err != nil {
		return nil, err
	}
	var list []pkcs11.ChipCertificate
	for _, s := range stored {
		der, err := s.DER()
		if err != nil {
			continue // of a key that was replaced
		}
		c := pkcs11.ChipCertificate{Slot: s.Slot, Key: -1, DER: der}
		switch s.Name {
		case "device":
			c.Label, c.Key = "Device Cert", 0
		case "signer":
			c.Label = "JITP Cert"
		case "root":
			c.Label = "Root Cert"
		default:
			c.Label = s.Name
		}
		list = append(list, c)
	}
	return list, nil
}

// addSlot appends a slot to the configuration, and makes the file when it is the first.
func addSlot(path string, cfg pkcs11.Config, s pkcs11.Slot) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	text := "[[slot]]\nid = " + strconv.FormatUint(uint64(s.ID), 10) + "\n"
	if len(cfg.Slots) > 0 {
		text = "\n" + text
	}
	for _, v := range []struct{ name, value string }{{"file", s.File}, {"chip", s.Chip}, {"label", s.Label}} {
		if v.value != "" {
			text += v.name + " = " + strconv.Quote(v.value) + "\n"
		}
	}
	if s.Work != 0 {
		text += "work = " + strconv.Itoa(s.Work) + "\n"
	}
	_, err = f.WriteString(text)
	return err
}
