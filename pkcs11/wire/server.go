package wire

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/thingward/thingward/pkcs11"
)

// A Server answers host processes from the slots of one module.
type Server struct {
	Module *pkcs11.Module
	// Broken, when not nil, is why there is no module: every host is refused with these words.
	Broken error
	// Log gets what went wrong inside; nil: nothing.
	Log *slog.Logger
	// Trace gets a line for each call, in words, without PINs and secrets; nil: nothing.
	Trace *Trace

	mu    sync.Mutex
	apps  map[[tokenSize]byte]*application
	count int // of applications, ever
}

// An application is one host process, with all its connections.
type application struct {
	*pkcs11.Application
	token       [tokenSize]byte
	number      int // in the trace
	connections int // guarded by Server.mu
}

// Serve answers one connection until it ends. The error is nil when the host closed it.
func (s *Server) Serve(conn io.ReadWriter) error {
	c := &call{server: s}
	defer func() {
		if c.app != nil {
			s.leave(c.app)
		}
	}()
	buf := make([]byte, smallFrame)
	for {
		frame, grown, err := readFrame(conn, buf)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		} else if err != nil {
			return err
		}
		err = c.answer(frame)
		clear(frame) // it may have had a PIN
		if err != nil {
			return err
		}
		if _, err := conn.Write(c.out.b); err != nil {
			return err
		}
		clear(c.out.b) // or a secret
		if buf = grown; len(buf) > keepFrame {
			buf = make([]byte, smallFrame)
		}
		if cap(c.out.b) > keepFrame {
			c.out.b = nil
		}
	}
}

const (
	smallFrame = 4096
	keepFrame  = 1 << 16
)

// A call is one request under way, and its connection's application.
type call struct {
	server *Server
	app    *application
	in     reader
	out    writer
	// keep says that there is more in the answer than the error.
	keep bool
	// buffer says that the host has one for the output.
	buffer bool
	note   *note // nil: nobody traces
}

// answer puts the answer to a request into c.out.
func (c *call) answer(request []byte) (err error) {
	c.in.rest, c.out.b, c.keep = request, append(c.out.b[:0], make([]byte, headerSize+4)...), false
	defer func() {
		switch r := recover(); {
		case r == nil:
		case r == errMalformed:
			err = errMalformed
		default:
			if c.server.Log != nil {
				c.server.Log.Error("a call failed inside; the host gets CKR_GENERAL_ERROR", "panic", r, "stack", string(debug.Stack()))
			}
			c.finish(pkcs11.CKR_GENERAL_ERROR, false)
		}
	}()
	number := int(c.in.u8())
	if number >= len(functions) || functions[number].run == nil {
		return fmt.Errorf("function %d: %w", number, errMalformed)
	}
	f := functions[number]
	if (c.app == nil) != (number == callHello) {
		return fmt.Errorf("%s out of turn: %w", f.name, errMalformed)
	}
	c.note = c.server.Trace.begin(c.app, f.name)
	failed := f.run(c)
	if len(c.in.rest) > 0 {
		return fmt.Errorf("%s with %d bytes too many: %w", f.name, len(c.in.rest), errMalformed)
	}
	c.note.end(failed, c.keep || failed == nil)
	c.finish(pkcs11.Code(failed), c.keep || failed == nil)
	return nil
}

func (c *call) finish(code pkcs11.Error, keep bool) {
	if !keep {
		c.out.b = c.out.b[:headerSize+4]
	}
	binary.LittleEndian.PutUint32(c.out.b, uint32(len(c.out.b)-headerSize))
	binary.LittleEndian.PutUint32(c.out.b[headerSize:], uint32(code))
}

// hello opens an application, or joins one.
func (c *call) hello() error {
	version, token := c.in.ulong(), c.in.bytes()
	refuse := func(text string) error {
		c.out.bytes([]byte(text))
		c.keep = true
		return fmt.Errorf("%s: %w", text, pkcs11.CKR_GENERAL_ERROR)
	}
	if version != Version {
		return refuse(fmt.Sprintf("the library speaks version %d of the wire format, thingward version %d: install both from one release", version, Version))
	}
	s := c.server
	if s.Broken != nil {
		return refuse(s.Broken.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if token == nil {
		s.count++
		app := &application{Application: s.Module.Open(), number: s.count}
		rand.Read(app.token[:])
		if s.apps == nil {
			s.apps = map[[tokenSize]byte]*application{}
		}
		s.apps[app.token] = app
		c.app = app
	} else if len(token) == tokenSize {
		c.app = s.apps[[tokenSize]byte(token)]
		c.note = nil // the host calls C_Initialize once
	}
	if c.app == nil {
		return refuse("no such application")
	}
	c.app.connections++
	c.out.bytes(c.app.token[:])
	return nil
}

// leave ends one connection of an application, and the application with the last.
func (s *Server) leave(app *application) {
	s.mu.Lock()
	app.connections--
	last := app.connections == 0
	if last {
		delete(s.apps, app.token)
	}
	s.mu.Unlock()
	if last {
		app.Close()
	}
}
