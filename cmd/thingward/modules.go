package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/thingward/thingward/atecc/ateccsim"
	"github.com/thingward/thingward/atecc/kit"
	"github.com/thingward/thingward/internal/factory"
)

// modules are the three boards of the bench, each with a software chip that is kept in a file.
type modules struct {
	root   *factory.Root
	signer *factory.Signer
	thing  *factory.Thing

	stop    context.CancelFunc // ends what bench has begun
	serving sync.WaitGroup
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

// bench connects to the modules by kit lines over TCP, as a program on another machine would.
func (m *modules) bench(ctx context.Context) (*factory.Bench, error) {
	b := &factory.Bench{}
	ctx, m.stop = context.WithCancel(ctx)
	for _, part := range []struct {
		board *kit.Board
		conn  **kit.Conn
	}{{m.root.Board, &b.Root}, {m.signer.Board, &b.Signer}, {m.thing.Board, &b.Thing}} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		m.serving.Go(func() { part.board.ServeListener(ctx, l) }) // its end is that of ctx
		if *part.conn, err = kit.Open(ctx, "tcp:"+l.Addr().String()); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// close ends the connections and the boards.
func (m *modules) close() {
	if m.stop != nil {
		m.stop()
	}
	m.serving.Wait()
}
