package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/thingward/thingward/atecc/ateccsim"
	"github.com/thingward/thingward/atecc/kit"
	"github.com/thingward/thingward/internal/factory"
)

// modules are the three boards of the bench, each with a software chip that is kept in a file.
type modules struct {
	root   *factory.Root
	signer *factory.Signer
	thing  *factory.Thing
	conns  []*kit.Conn
}

// openModules opens the chips in dir, or makes them.
func openModules(ctx context.Context, dir string) (*modules, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	m := &modules{}
	chips := map[string]*ateccsim.Chip{}
	for _, name := range []string{"root", "signer", "thing"} {
		file := filepath.Join(dir, name+".chip")
		chip, err := ateccsim.Open(file, "", ateccsim.Options{})
		if errors.Is(err, fs.ErrNotExist) {
			chip, err = ateccsim.Create(file, "", ateccsim.Options{})
		}
		if err != nil {
			return nil, err
		}
		chips[name] = chip
	}
	var err error
	if m.root, err = factory.NewRoot(ctx, chips["root"]); err != nil {
		return nil, err
	}
	if m.signer, err = factory.NewSigner(ctx, chips["signer"]); err != nil {
		return nil, err
	}
	m.thing, err = factory.NewThing(ctx, chips["thing"])
	return m, err
}

// bench connects to the modules by kit lines, as a program on another machine would.
func (m *modules) bench(ctx context.Context) *factory.Bench {
	connect := func(b *kit.Board) *kit.Conn {
		host, board := net.Pipe()
		go b.Serve(ctx, board) // until the connection is closed
		conn := kit.NewConn(host)
		m.conns = append(m.conns, conn)
		return conn
	}
	return &factory.Bench{Root: connect(m.root.Board), Signer: connect(m.signer.Board), Thing: connect(m.thing.Board)}
}

func (m *modules) close() {
	for _, c := range m.conns {
		c.Close()
	}
}
