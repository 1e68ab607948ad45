package main

import (
	"flag"
	"io"
	"os"

	"github.com/thingward/thingward/internal/ca"
)

// subject reads the one argument of a command that is about a client, a thing or a certificate: its ARN, its id or the
// beginning of that, or a PEM file.
func subject(fs *flag.FlagSet, args []string, stderr io.Writer) (about string, err error) {
	words, err := parseWords(fs, "CLIENT|THING|CERTIFICATE|FILE.pem ", args, stderr, 1, 1)
	if err != nil {
		return "", err
	}
	return certificateOf(words[0])
}

// certificateOf returns the id of the certificate if name is a PEM file, else name.
func certificateOf(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return name, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	c, err := decodeCertificate(text)
	if err != nil {
		return name, nil
	}
	return ca.CertificateID(c.Raw), nil
}
