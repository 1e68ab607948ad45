package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

func deviceCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	usage := "usage: thingward device headers [flags]\n\n  headers  write aws_clientcredential.h and aws_clientcredential_keys.h for FreeRTOS\n"
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return errUsage
	}
	switch args[0] {
	case "help", "-h", "--help":
		fmt.Fprint(stdout, usage)
		return nil
	case "headers":
		return deviceHeaders(ctx, args[1:], stdout, stderr)
	}
	fmt.Fprintf(stderr, "thingward device: there is no command %q\n\n%s", args[0], usage)
	return errUsage
}

// headerValues are what the two headers of FreeRTOS's demonstrations have.
type headerValues struct {
	thing, endpoint          string
	port                     int
	ssid, password, security string
	certificate, key, issuer string // PEM; the issuer may be empty
}

// wifiSecurity are FreeRTOS's names.
var wifiSecurity = map[string]string{"open": "eWiFiSecurityOpen", "wep": "eWiFiSecurityWEP", "wpa": "eWiFiSecurityWPA", "wpa2": "eWiFiSecurityWPA2"}

func deviceHeaders(_ context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("device headers", flag.ContinueOnError)
	var c headerValues
	fs.StringVar(&c.thing, "thing", "", "`name` of the thing")
	fs.StringVar(&c.endpoint, "endpoint", "", "`host` that the device connects to (default the one of $AWS_ENDPOINT_URL)")
	fs.IntVar(&c.port, "port", 8883, "its MQTT `port`")
	certificate := fs.String("certificate", "", "`file` with the device's certificate")
	key := fs.String("key", "", "`file` with the private key; without one the device keeps its own, as with a secure element")
	issuer := fs.String("issuer", "", "`file` with the certificate of its CA, for just-in-time registration")
	fs.StringVar(&c.ssid, "wifi-ssid", "", "`name` of the Wi-Fi network")
	passwordFile := fs.String("wifi-password-file", "", "`file` whose first line is its password")
	security := fs.String("wifi-security", "wpa2", "`kind`: open, wep, wpa or wpa2")
	old := fs.Bool("old", false, "for Amazon FreeRTOS 1.2 and before, which had constants in the place of macros")
	dir := fs.String("out", ".", "`directory` for the headers")
	if err := parse(fs, args, stderr); err != nil {
		return err
	}
	if c.thing == "" || *certificate == "" {
		return errors.New("name the thing with --thing and its certificate with --certificate")
	}
	if c.endpoint == "" {
		c.endpoint = endpointHost()
	}
	if c.endpoint == "" {
		return errors.New("name the host with --endpoint")
	}
	var ok bool
	if c.security, ok = wifiSecurity[*security]; !ok {
		return fmt.Errorf("--wifi-security %q: want open, wep, wpa or wpa2", *security)
	}
	var err error
	if c.password, err = firstLine(*passwordFile, ""); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		to   *string
		kind string
	}{{*certificate, &c.certificate, "CERTIFICATE"}, {*key, &c.key, "PRIVATE KEY"}, {*issuer, &c.issuer, "CERTIFICATE"}} {
		if *f.to, err = readPEM(f.name, f.kind); err != nil {
			return err
		}
	}
	return writeHeaders(*dir, &c, *old, stdout)
}

// endpointHost is the host of the server that the AWS clients of this shell use.
func endpointHost() string {
	endpoint, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL"))
	if err != nil {
		return ""
	}
	return endpoint.Hostname()
}

// readPEM reads the blocks of one kind, and makes sure that they are what they say.
func readPEM(name, kind string) (string, error) {
	if name == "" {
		return "", nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		if !strings.HasSuffix(block.Type, kind) {
			continue
		}
		if kind == "CERTIFICATE" {
			if _, err := x509.ParseCertificate(block.Bytes); err != nil {
				return "", fmt.Errorf("%s: %w", name, err)
			}
		}
		text.Write(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
	}
	if text.Len() == 0 {
		return "", fmt.Errorf("%s has no PEM block %s", name, kind)
	}
	return text.String(), nil
}

func writeHeaders(dir string, c *headerValues, old bool, stdout io.Writer) error {
	settings, keys := c.settings(), c.keys()
	if old {
		settings, keys = c.oldSettings(), c.oldKeys()
	}
	for _, f := range []struct {
		name, text string
		mode       os.FileMode
	}{{"aws_clientcredential.h", settings, 0o600}, {"aws_clientcredential_keys.h", keys, 0o600}} {
		path := filepath.Join(dir, f.name)
		if err := os.WriteFile(path, []byte(f.text), f.mode); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s is written.\n", path)
	}
	if c.key == "" {
		fmt.Fprintln(stdout, "It has no private key: the device keeps its own.")
	} else {
		fmt.Fprintln(stdout, "It has the private key of the device: keep it out of repositories, and use it for development only.")
	}
	return nil
}

// cString writes text as C has it. Bytes outside of ASCII are octal, which no next digit can lengthen.
func cString(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(text) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '?': // no trigraphs
			b.WriteString(`\?`)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// cPEM is a PEM as lines of strings, or NULL.
func cPEM(text, joint string) string {
	if text == "" {
		return "NULL"
	}
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, `"`+strings.TrimSuffix(line, "\n")+`\n"`)
	}
	return joint + strings.Join(lines, joint)
}

const (
	headerStart = "#ifndef __AWS_CLIENTCREDENTIAL__H__\n#define __AWS_CLIENTCREDENTIAL__H__\n\n"
	keysStart   = "#ifndef AWS_CLIENT_CREDENTIAL_KEYS_H\n#define AWS_CLIENT_CREDENTIAL_KEYS_H\n\n"
	continued   = " \\\n    "
)

func (c *headerValues) settings() string {
	return headerStart + "#define clientcredentialMQTT_BROKER_ENDPOINT         " + cString(c.endpoint) + "\n" + c.common() + "\n#endif\n"
}

func (c *headerValues) common() string {
	return "#define clientcredentialIOT_THING_NAME               " + cString(c.thing) + "\n" +
		fmt.Sprintf("#define clientcredentialMQTT_BROKER_PORT             %d\n", c.port) +
		"#define clientcredentialGREENGRASS_DISCOVERY_PORT    8443\n" +
		"#define clientcredentialWIFI_SSID                    " + cString(c.ssid) + "\n" +
		"#define clientcredentialWIFI_PASSWORD                " + cString(c.password) + "\n" +
		"#define clientcredentialWIFI_SECURITY                " + c.security + "\n"
}

func (c *headerValues) keys() string {
	return keysStart + "#define keyCLIENT_CERTIFICATE_PEM" + space(c.certificate) + cPEM(c.certificate, continued) + "\n\n" +
		"#define keyJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM" + space(c.issuer) + cPEM(c.issuer, continued) + "\n\n" +
		"#define keyCLIENT_PRIVATE_KEY_PEM" + space(c.key) + cPEM(c.key, continued) + "\n\n#endif\n"
}

// space is between the name of a macro and NULL.
func space(text string) string {
	if text == "" {
		return " "
	}
	return ""
}

// The headers of the first releases.

func (c *headerValues) oldSettings() string {
	return headerStart + "#include <stdint.h>\n\n#include \"aws_clientcredential_keys.h\"\n\n" +
		"static const char clientcredentialMQTT_BROKER_ENDPOINT[] = " + cString(c.endpoint) + ";\n" + c.common() +
		"\nstatic const uint32_t clientcredentialCLIENT_CERTIFICATE_LENGTH = sizeof( clientcredentialCLIENT_CERTIFICATE_PEM );\n" +
		"static const uint32_t clientcredentialCLIENT_PRIVATE_KEY_LENGTH = sizeof( clientcredentialCLIENT_PRIVATE_KEY_PEM );\n\n#endif\n"
}

func (c *headerValues) oldKeys() string {
	key := cPEM(c.key, "\n    ")
	if c.key == "" {
		key = `""`
	}
	return keysStart + "#include <stddef.h>\n\nstatic const char clientcredentialCLIENT_CERTIFICATE_PEM[] =" + cPEM(c.certificate, "\n    ") + ";\n\n" +
		"static const char *clientcredentialJITR_DEVICE_CERTIFICATE_AUTHORITY_PEM =" + space(c.issuer) + cPEM(c.issuer, "\n    ") + ";\n\n" +
		"static const char clientcredentialCLIENT_PRIVATE_KEY_PEM[] =" + space(c.key) + key + ";\n\n#endif\n"
}
