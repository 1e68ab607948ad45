package server

import (
	"context"
	"crypto/tls"
	"os"
	"slices"
	"time"

	"github.com/thingward/thingward/internal/ca"
)

// lookEvery is how often the files of the server's own certificates are looked at.
const lookEvery = 2 * time.Second

// certificates are what clients are shown: the operator's own, or else those that the server has made.
func (s *Server) certificates() ([]tls.Certificate, error) {
	if len(s.cfg.TLSCertificates) == 0 {
		return s.tls.Certificates, nil
	}
	return ca.LoadOwn(s.cfg.TLSCertificates, s.cfg.TLSKeys, time.Now())
}

// ReloadCertificates reads the server's own certificates again, for connections from now on; those that live stay. When it
// fails, everything stays as it was.
func (s *Server) ReloadCertificates() error {
	certificates, err := s.certificates()
	if err == nil {
		err = s.gateway.SetCertificates(certificates)
	}
	if err != nil {
		s.log.Error("server certificates were not reloaded; the old ones stay", "error", err)
		return err
	}
	for _, c := range certificates {
		s.log.Info("server certificate", "subject", c.Leaf.Subject.String(), "algorithm", c.Leaf.PublicKeyAlgorithm.String(),
			"names", c.Leaf.DNSNames, "ends", c.Leaf.NotAfter)
	}
	return nil
}

// watchCertificates reloads them when a file has changed, until ctx is done. Files that do not fit together are often
// just half of a change: they are tried again when they change again.
func (s *Server) watchCertificates(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	seen := s.fileTimes()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := s.fileTimes(); now != seen {
			seen = now
			s.ReloadCertificates()
		}
	}
}

// fileTimes changes whenever one of the files does.
func (s *Server) fileTimes() (sum int64) {
	for i, name := range slices.Concat(s.cfg.TLSCertificates, s.cfg.TLSKeys) {
		if info, err := os.Stat(name); err == nil {
			sum = sum*31 + int64(i) + info.ModTime().UnixNano() + info.Size()
		}
	}
	return sum
}
