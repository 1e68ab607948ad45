package factory

import (
	_ "embed"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/thingward/thingward/atecc"
)

// Certificate ids of the kit's commands.
const (
	rootCertificate         = 0x00
	signerCertificate       = 0x01
	verificationCertificate = 0x02
	deviceCertificate       = 0x03
)

// Template ids of the compressed form. Those of signer and device are the kit's.
const (
	rootTemplateID         = 0
	signerTemplateID       = 1
	deviceTemplateID       = 2
	verificationTemplateID = 3
)

//go:embed templates/root.pem
var rootPEM []byte

//go:embed templates/signer.pem
var signerPEM []byte

//go:embed templates/verification.pem
var verificationPEM []byte

//go:embed templates/device.pem
var devicePEM []byte

// The serial number of every certificate is 16 bytes made of the public key and the dates, and one byte that is 01 for
// those of authorities and 02 for the others.
var (
	rootTemplate         = mustTemplate(rootPEM, rootTemplateID, atecc.NoName)
	signerTemplate       = mustTemplate(signerPEM, signerTemplateID, atecc.SubjectName)
	verificationTemplate = mustTemplate(verificationPEM, verificationTemplateID, atecc.IssuerName)
	deviceTemplate       = mustTemplate(devicePEM, deviceTemplateID, atecc.IssuerName)
)

func mustTemplate(text []byte, id byte, signerID atecc.NameOf) *atecc.Template {
	t, err := atecc.NewTemplate(text, atecc.TemplateConfig{
		ID: id, SerialSource: atecc.SerialPublicKeyHash, SerialLength: 16, SignerID: signerID,
	})
	if err != nil {
		panic(fmt.Sprintf("embedded template %d: %v", id, err))
	}
	return t
}

// issueDate is the first hour of validity of a certificate issued now. The compressed form holds whole hours of the years
// until 2031; later certificates carry the last one.
func issueDate(now time.Time) time.Time {
	last := time.Date(2031, 12, 31, 23, 0, 0, 0, time.UTC)
	if hour := now.UTC().Truncate(time.Hour); hour.Before(last) {
		return hour
	}
	return last
}

func encodePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
