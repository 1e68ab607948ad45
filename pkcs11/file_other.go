//go:build !unix

package pkcs11

import (
	"io/fs"
	"os"
)

// lockFile: here only one program at a time may write to a token.
func lockFile(*os.File) (bool, error) { return true, nil }

func isReadOnly(error) bool           { return false }
func isFull(error) bool               { return false }
func keepOwner(*os.File, fs.FileInfo) {}
