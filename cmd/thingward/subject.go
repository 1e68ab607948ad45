package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/thingward/thingward/internal/ca"
)

// subject reads the one argument of a command that is about a client, a thing or a certificate.
func subject(fs *flag.FlagSet, args []string, stderr io.Writer) (about string, err error) {
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprintf(stderr, "usage: thingward %s [flags] CLIENT|THING|CERT\n\nCERT is the id of a certificate, its first eight digits or more, its ARN, or a PEM file.\n\n", fs.Name())
		fs.PrintDefaults()
	}
	for len(args) > 0 { // flags may stand behind the name
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return "", err
			}
			return "", errUsage
		}
		if args = fs.Args(); len(args) == 0 {
			break
		}
		if about != "" {
			fs.Usage()
			return "", errUsage
		}
		about, args = args[0], args[1:]
	}
	if about == "" {
		fs.Usage()
		return "", errUsage
	}
	return certificateOf(about)
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
