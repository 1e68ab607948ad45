package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/thingward/thingward/pkcs11/wire"
)

// tokenServe serves the tokens to every program that has THINGWARD_TOKEN_SOCKET.
func tokenServe(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("token serve", flag.ContinueOnError)
	path := fs.String("socket", "", "`path` of the socket; programs find it by THINGWARD_TOKEN_SOCKET")
	allow := fs.String("allow", "", "`users` who may connect besides you and root, by name or number, separated by commas")
	if err := parse(fs, args, stderr); err != nil {
		return err
	}
	if *path == "" {
		return errors.New("--socket PATH is missing")
	}
	users, err := userNumbers(*allow)
	if err != nil {
		return err
	}
	server, done := tokenServer()
	defer done()
	if server.Broken != nil {
		return server.Broken
	}
	hideMemory()
	server.Log = slog.New(slog.NewTextHandler(stderr, nil))
	l, err := listenToken(*path, len(users) > 0)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "serving the tokens on %s\n", *path)
	users = append(users, 0, os.Geteuid())
	return acceptHosts(ctx, l, server, users)
}

// listenToken makes the socket. One that nobody listens on is left from an earlier run.
func listenToken(path string, others bool) (*net.UnixListener, error) {
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return nil, fmt.Errorf("%s is served already", path)
	} else if s, failed := os.Stat(path); failed == nil && s.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("%s is no socket", path)
	} else if errors.Is(err, unix.ECONNREFUSED) {
		os.Remove(path)
	}
	mask := 0o177
	if others {
		mask = 0o111 // who may connect is decided by the user number, after accept
	}
	before := unix.Umask(mask)
	defer unix.Umask(before)
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}

func acceptHosts(ctx context.Context, l *net.UnixListener, server *wire.Server, users []int) error {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		open = map[*net.UnixConn]bool{}
	)
	defer wg.Wait()
	end := func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		for c := range open {
			c.Close()
		}
		open = nil
	}
	defer end()
	defer context.AfterFunc(ctx, end)()
	for {
		c, err := l.AcceptUnix()
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENOMEM) {
			server.Log.Warn("a program has to wait until others have ended", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		}
		if err != nil {
			return err
		}
		if uid, err := peerUser(c); err != nil || !slices.Contains(users, uid) {
			server.Log.Warn("a program was refused: its user is not in --allow", "user", uid, "error", err)
			c.Close()
			continue
		}
		mu.Lock()
		if open == nil { // the end has come
			mu.Unlock()
			c.Close()
			return nil
		}
		open[c] = true
		mu.Unlock()
		wg.Go(func() {
			if err := server.Serve(c); err != nil && ctx.Err() == nil {
				server.Log.Warn("a program's connection was ended", "error", err)
			}
			c.Close()
			mu.Lock()
			delete(open, c)
			mu.Unlock()
		})
	}
}

func peerUser(c *net.UnixConn) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	var peer *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil || failed != nil {
		return -1, errors.Join(err, failed)
	}
	return int(peer.Uid), nil
}

func userNumbers(list string) ([]int, error) {
	var numbers []int
	for name := range strings.SplitSeq(list, ",") {
		if name == "" {
			continue
		}
		n, err := strconv.Atoi(name)
		if err != nil {
			u, err := user.Lookup(name)
			if err != nil {
				return nil, fmt.Errorf("--allow: %w", err)
			}
			if n, err = strconv.Atoi(u.Uid); err != nil {
				return nil, fmt.Errorf("--allow: user %s has no number", name)
			}
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}
