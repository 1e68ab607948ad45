package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/thingward/thingward/pkcs11"
	"github.com/thingward/thingward/pkcs11/wire"
)

// tokenHelper serves one host process over sockets that it inherits from libthingward-pkcs11.so. It ends when the host has closed them.
func tokenHelper(ctx context.Context, args []string, _, stderr io.Writer) error {
	fs := flag.NewFlagSet("token helper", flag.ContinueOnError)
	list := fs.String("sockets", "", "numbers of the inherited sockets, set by the library that starts this")
	if err := parse(fs, args, stderr); err != nil {
		return err
	}
	var sockets []socket
	for word := range strings.SplitSeq(*list, ",") {
		fd, err := strconv.Atoi(word)
		if err != nil || fd < 3 {
			return errors.New("libthingward-pkcs11.so starts the helper; to serve several programs, see thingward token serve")
		}
		unix.CloseOnExec(fd)
		sockets = append(sockets, socket(fd))
	}
	closeInherited()
	hideMemory()

	server, done := tokenServer()
	defer done()
	var wg sync.WaitGroup
	for _, s := range sockets {
		wg.Go(func() {
			server.Serve(s)
			unix.Close(int(s))
		})
	}
	defer context.AfterFunc(ctx, func() {
		for _, s := range sockets {
			unix.Shutdown(int(s), unix.SHUT_RDWR)
		}
	})()
	wg.Wait()
	return nil
}

// tokenServer is a server over the slots of the configuration. What is wrong there is told to each host.
func tokenServer() (server *wire.Server, done func()) {
	server, done = &wire.Server{}, func() {}
	cfg, path, err := readTokenConf()
	if err == nil && len(cfg.Slots) == 0 {
		err = fmt.Errorf("%s has no slots; make a token with: thingward token init --label gateway", path)
	}
	if err == nil {
		var m *pkcs11.Module
		if m, err = pkcs11.Open(cfg); err == nil {
			server.Module, done = m, func() { m.Close() }
		}
	}
	if path := os.Getenv("THINGWARD_TOKEN_TRACE"); path != "" && err == nil {
		var f *os.File
		if f, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			err = fmt.Errorf("THINGWARD_TOKEN_TRACE: %w", err)
		}
		server.Trace = wire.NewTrace(f)
	}
	server.Broken = err
	return server, done
}

// A socket is read in blocking mode: a round trip through the runtime's poller would take twice as long.
type socket int

func (s socket) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(int(s), b)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (s socket) Write(b []byte) (int, error) {
	for done := 0; done < len(b); {
		n, err := unix.Write(int(s), b[done:])
		if err != nil && err != unix.EINTR {
			return done, err
		}
		done += max(n, 0)
	}
	return len(b), nil
}

// closeInherited closes what the host forgot to: its listeners must not stay open because of us. Descriptors of the Go runtime, and our
// sockets, have the close-on-exec mark.
func closeInherited() {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd < 3 {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			unix.Close(fd)
		}
	}
}

// hideMemory keeps keys out of core files, and out of reach of a debugger of the same user.
func hideMemory() {
	unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
