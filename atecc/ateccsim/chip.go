// Package ateccsim is the ATECC508A, and the ATECC608A, in software.
package ateccsim

import (
	"context"

	"github.com/thingward/thingward/atecc"
)

// Options say what a new chip is like.
type Options struct {
	// Model is the part; zero means ATECC508A.
	Model atecc.Model
	// Serial is the serial number; zero makes a random one.
	Serial atecc.SerialNumber
	// Config is the contents of the configuration zone; nil is that of a blank part. The serial number
	// and revision of the chip take their places in it.
	Config *atecc.Config
}

// A Chip is a software chip. It is an [atecc.Transport].
type Chip struct{}

// New makes a blank chip that lives in memory.
func New(o Options) (*Chip, error) { return &Chip{}, nil }

// Open loads the chip that is kept in a file; [Create] makes one. Every change is in the file before
// the chip answers. A passphrase that is not empty encrypts the secrets in it.
func Open(path, passphrase string) (*Chip, error) { return &Chip{}, nil }

// Create makes a blank chip that is kept in a new file.
func Create(path, passphrase string, o Options) (*Chip, error) { return &Chip{}, nil }

func (c *Chip) Wake(ctx context.Context) error                                       { return nil }
func (c *Chip) Idle(ctx context.Context) error                                       { return nil }
func (c *Chip) Sleep(ctx context.Context) error                                      { return nil }
func (c *Chip) Execute(ctx context.Context, packet []byte) (reply []byte, err error) { return nil, nil }
