package kit

import (
	"context"
	"io"
	"net"
	"sync"
)

// ServeListener serves every connection that comes to l, until ctx ends; then it closes l and them.
func (b *Board) ServeListener(ctx context.Context, l net.Listener) error {
	var connections sync.WaitGroup
	defer connections.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		connections.Go(func() { b.ServeUntil(ctx, conn) })
	}
}

// ServeUntil is Serve that closes rwc when ctx ends, and in the end anyway.
func (b *Board) ServeUntil(ctx context.Context, rwc io.ReadWriteCloser) error {
	defer rwc.Close()
	defer context.AfterFunc(ctx, func() { rwc.Close() })()
	err := b.Serve(ctx, rwc)
	if ctx.Err() != nil {
		return nil
	}
	return err
}
