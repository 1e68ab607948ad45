package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ServerConfig says what the server's TLS identity must cover and where it is kept.
type ServerConfig struct {
	Dir   string           // its files are made here; empty: nothing on disk, new at every start
	Names []string         // host names and IP addresses that clients connect to
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: none
}

// A ServerIdentity is what the server shows to its clients.
//
// Old devices verify one algorithm only: a secure element does ECDSA on P-256, a Wi-Fi chip of 2014 does RSA.
// So each leaf has a root of its own algorithm, and no chain mixes them. A client that reads PEM is given both
// roots in one file and verifies whichever leaf it is shown; the boards that take a single root, in DER, are the
// RSA ones.
type ServerIdentity struct {
	Certificates []tls.Certificate // P-256, then RSA-2048
	RootPEM      []byte            // both roots: what clients name as their CA file (server-root.pem)
	RootDER      []byte            // the RSA root alone, for boards that read DER (server-root.der)
	NotAfter     time.Time         // when the leaves end
}

// Files of ServerConfig.Dir.
const (
	RootPEMFile = "server-root.pem"
	RootDERFile = "server-root.der"
)

// algorithm is one of the two chains of a ServerIdentity.
type algorithm struct {
	name     string // in file names
	generate func() (crypto.Signer, error)
	usage    x509.KeyUsage
}

var algorithms = []algorithm{
	{"p256", func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }, x509.KeyUsageDigitalSignature},
	{"rsa", func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }, x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment},
}

const (
	leafLife  = 800 * 24 * time.Hour // some clients refuse server certificates that live longer than 825 days
	leafRenew = 90 * 24 * time.Hour  // made again at a start this long before the end
	rootLife  = 10 * 365 * 24 * time.Hour
)

// lastTime32 is the last year's end that a clock of 32 bits can tell.
var lastTime32 = time.Date(2037, 12, 31, 23, 59, 59, 0, time.UTC)

// LoadServer returns the server's TLS identity. It makes what is absent, and makes the leaves again when the names
// have changed or they near their end; the roots, which clients have been given, stay. Files that are there
// but damaged are an error: making new roots would lock out every device.
func LoadServer(c ServerConfig) (*ServerIdentity, error) {
	l := serverLoader{ServerConfig: c, now: time.Now(), log: c.Log}
	if c.Now != nil {
		l.now = c.Now()
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if err := l.splitNames(); err != nil {
		return nil, err
	}
	id := &ServerIdentity{}
	for _, a := range algorithms {
		root, err := l.root(a)
		if err != nil {
			return nil, fmt.Errorf("server root (%s): %w", a.name, err)
		}
		leaf, err := l.leaf(a, root)
		if err != nil {
			return nil, fmt.Errorf("server certificate (%s): %w", a.name, err)
		}
		id.Certificates = append(id.Certificates, tls.Certificate{
			Certificate: [][]byte{leaf.certificate.Raw},
			PrivateKey:  leaf.key,
			Leaf:        leaf.certificate,
		})
		id.RootPEM = append(id.RootPEM, EncodeCertificate(root.certificate.Raw)...)
		if a.name == "rsa" {
			id.RootDER = root.certificate.Raw
		}
		if id.NotAfter.IsZero() || leaf.certificate.NotAfter.Before(id.NotAfter) {
			id.NotAfter = leaf.certificate.NotAfter
		}
	}
	if c.Dir == "" {
		return id, nil
	}
	return id, errors.Join(
		l.write(RootPEMFile, id.RootPEM, 0o644),
		l.write(RootDERFile, id.RootDER, 0o644))
}

type serverLoader struct {
	ServerConfig
	now time.Time
	log *slog.Logger

	dns []string
	ips []netip.Addr
}

// splitNames sorts the names into host names and addresses.
func (l *serverLoader) splitNames() error {
	for _, name := range l.Names {
		if ip, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
			l.ips = append(l.ips, ip.Unmap().WithZone(""))
			continue
		}
		if !validHost(name) {
			return fmt.Errorf("server name %q is neither a host name nor an IP address", name)
		}
		l.dns = append(l.dns, strings.ToLower(name))
	}
	slices.Sort(l.dns)
	slices.SortFunc(l.ips, netip.Addr.Compare)
	l.dns, l.ips = slices.Compact(l.dns), slices.Compact(l.ips)
	if len(l.dns)+len(l.ips) == 0 {
		return errors.New("the server has no name: name at least one host or IP address that clients connect to")
	}
	return nil
}

// validHost accepts host names and wildcards of their first label.
func validHost(name string) bool {
	if len(name) > 253 {
		return false
	}
	for i, label := range strings.Split(strings.TrimSuffix(name, "."), ".") {
		if i == 0 && label == "*" {
			continue
		}
		if label == "" || len(label) > 63 || strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

func (l *serverLoader) root(a algorithm) (*issuer, error) {
	file := "server-root-" + a.name + ".key" // certificate and key
	root, err := l.read(file)
	if err == nil && l.now.After(root.certificate.NotAfter) {
		l.log.Warn("the server's root has ended; clients will refuse it: remove "+file+" to make a new one and hand it to them",
			"ended", root.certificate.NotAfter)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return root, err
	}
	key, err := a.generate()
	if err != nil {
		return nil, err
	}
	end := lastTime32
	if l.now.Add(rootLife).After(end) {
		end = l.now.Add(rootLife)
	}
	name := pkix.Name{Organization: []string{"Thingward"}, CommonName: "Thingward server root " + strings.ToUpper(a.name)}
	if root, err = newRoot(key, name, l.now, end); err != nil {
		return nil, err
	}
	return root, l.keep(file, root)
}

func (l *serverLoader) leaf(a algorithm, root *issuer) (*issuer, error) {
	file := "server-" + a.name + ".key"
	leaf, err := l.read(file)
	switch {
	case err == nil && l.fits(leaf.certificate, root.certificate):
		return leaf, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	key, err := a.generate()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: l.commonName()},
		NotBefore:             l.now.Add(-clockSlack),
		NotAfter:              earlier(l.now.Add(leafLife), root.certificate.NotAfter),
		BasicConstraintsValid: true,
		KeyUsage:              a.usage,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:              l.dns,
	}
	for _, ip := range l.ips {
		template.IPAddresses = append(template.IPAddresses, ip.AsSlice())
	}
	c, err := root.sign(template, key.Public())
	if err != nil {
		return nil, err
	}
	l.log.Info("server certificate made", "algorithm", a.name, "names", l.Names, "until", c.NotAfter)
	leaf = &issuer{certificate: c, key: key}
	return leaf, l.keep(file, leaf)
}

// commonName is the first name that fits into a common name, for clients that know no alternative names.
func (l *serverLoader) commonName() string {
	for _, name := range l.Names {
		if len(name) <= 64 { // the upper bound of X.520
			return name
		}
	}
	return "Thingward"
}

// fits reports whether a leaf covers exactly the names, is signed by root and lasts for a while.
func (l *serverLoader) fits(c, root *x509.Certificate) bool {
	var ips []netip.Addr
	for _, ip := range c.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			ips = append(ips, a.Unmap())
		}
	}
	return slices.Equal(c.DNSNames, l.dns) && slices.Equal(ips, l.ips) &&
		l.now.Before(c.NotAfter.Add(-leafRenew)) && l.now.After(c.NotBefore) && CheckSignature(c, root) == nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (l *serverLoader) read(file string) (*issuer, error) {
	if l.Dir == "" {
		return nil, fs.ErrNotExist
	}
	path := filepath.Join(l.Dir, file)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	i, err := parseIssuer(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: restore the file, or remove it to have a new one made", path, err)
	}
	return i, nil
}

func (l *serverLoader) keep(file string, i *issuer) error {
	if l.Dir == "" {
		return nil
	}
	text, err := i.encode()
	if err != nil {
		return err
	}
	return l.write(file, text, 0o600)
}

// write replaces a file of Dir as a whole, so that a crash leaves the old one or the new one.
func (l *serverLoader) write(file string, data []byte, mode os.FileMode) error {
	path := filepath.Join(l.Dir, file)
	f, err := os.CreateTemp(l.Dir, file+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone after the rename
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
