package atecc

import "context"

// A SecureBootOperation is what SecureBoot does (608A).
type SecureBootOperation byte

const (
	SecureBootFull     SecureBootOperation = 5 // check digest and signature
	SecureBootStored   SecureBootOperation = 6 // compare with the stored digest or signature
	SecureBootFullCopy SecureBootOperation = 7 // check, then store the digest or signature

	// SecureBootEncrypted: the digest is encrypted and the reply is a MAC, both under the IO protection key.
	SecureBootEncrypted SecureBootOperation = 0x80
)

// SecureBoot (608A) checks the digest of a firmware.
type SecureBoot struct {
	Operation SecureBootOperation
	Param     uint16
	Digest    [32]byte
	Signature []byte // 64 bytes, not for SecureBootStored
}

// Execute returns the MAC of an encrypted operation, else nil.
func (c SecureBoot) Execute(ctx context.Context, t Transport) ([]byte, error) {
	cmd := Command{Opcode: OpSecureBoot, Param1: byte(c.Operation), Param2: c.Param}
	cmd.Data = append(append(cmd.Data, c.Digest[:]...), c.Signature...)
	if c.Operation&SecureBootEncrypted != 0 {
		return executeFor(ctx, t, cmd, 32)
	}
	return nil, executeOnly(ctx, t, cmd)
}
