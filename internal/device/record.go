package device

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// Content types of records (RFC 5246 section 6.2.1).
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordData             = 23
)

const (
	version12    = 0x0303
	maxPlaintext = 1 << 14
	maxRecord    = maxPlaintext + 2048 // RFC 5246 section 6.2.3
	maxWarnings  = 8                   // alerts of level warning, and empty records, in a row
)

// A Conn is a TLS connection after its handshake. Read and Write may be called at the same time, each from
// one goroutine or several; Close from any.
type Conn struct {
	net net.Conn

	in struct {
		sync.Mutex
		cipher    *gcm   // nil: in the clear
		raw       []byte // received, not yet a whole record
		handshake []byte // received handshake messages, not yet used
		data      []byte // decrypted, not yet read
		err       error  // the end of reading
		warnings  int
	}
	out struct {
		sync.Mutex
		cipher *gcm
		err    error // the end of writing
	}
}

// A gcm protects the records of one direction with AES-128-GCM (RFC 5288).
type gcm struct {
	aead cipher.AEAD
	salt [4]byte
	seq  uint64
}

func newGCM(key, salt []byte) *gcm {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key has 16 bytes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the block size that GCM wants
	}
	return &gcm{aead: aead, salt: [4]byte(salt)}
}

// nonce is the salt and eight explicit bytes, which travel with the record (RFC 5288 section 3).
func (g *gcm) nonce(explicit []byte) []byte { return append(g.salt[:4:4], explicit...) }

// additional is the data that is authenticated but not encrypted (RFC 5246 section 6.2.3.3): the record's
// number, type, version and plaintext length.
func (g *gcm) additional(kind byte, n int) []byte {
	b := binary.BigEndian.AppendUint64(nil, g.seq)
	return append(b, kind, version12>>8, version12&0xff, byte(n>>8), byte(n))
}

// seal returns the encrypted fragment: explicit nonce, ciphertext, tag. The record's number is the nonce.
func (g *gcm) seal(kind byte, plain []byte) []byte {
	explicit := binary.BigEndian.AppendUint64(nil, g.seq)
	sealed := g.aead.Seal(explicit, g.nonce(explicit), plain, g.additional(kind, len(plain)))
	g.seq++
	return sealed
}

func (g *gcm) open(kind byte, fragment []byte) ([]byte, error) {
	n := len(fragment) - 8 - g.aead.Overhead()
	if n < 0 {
		return nil, alertf(alertBadRecordMAC, "a record of %d bytes is too short to be encrypted", len(fragment))
	}
	plain, err := g.aead.Open(nil, g.nonce(fragment[:8]), fragment[8:], g.additional(kind, n))
	if err != nil {
		return nil, alertf(alertBadRecordMAC, "a record from the server fails its authentication")
	}
	g.seq++
	return plain, nil
}

// readRecord returns the next record's type and decrypted content. Alerts end here. The caller holds in.
func (c *Conn) readRecord() (kind byte, content []byte, err error) {
	if c.in.err != nil {
		return 0, nil, c.in.err
	}
	for {
		kind, content, err = c.nextRecord()
		if err == nil && kind == recordAlert {
			err = c.alerted(content)
		} else if err == nil && len(content) > 0 {
			c.in.warnings = 0
			return kind, content, nil
		}
		if c.in.warnings++; err == nil && c.in.warnings > maxWarnings {
			err = alertf(alertUnexpectedMessage, "the server sends nothing but warnings and empty records")
		}
		if err != nil {
			if !isTimeout(err) { // after a timeout reading may go on
				c.in.err = err
			}
			return 0, nil, err
		}
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// nextRecord takes one record off the network (RFC 5246 section 6.2.1).
func (c *Conn) nextRecord() (kind byte, content []byte, err error) {
	header, err := c.peek(5)
	if err != nil {
		return 0, nil, err
	}
	kind, n := header[0], int(binary.BigEndian.Uint16(header[3:]))
	switch version := binary.BigEndian.Uint16(header[1:]); {
	case kind < recordChangeCipherSpec || kind > recordData || version>>8 != 3:
		return 0, nil, alertf(alertUnexpectedMessage, "the server does not speak TLS; it began with % x", header)
	case n > maxRecord:
		return 0, nil, alertf(alertRecordOverflow, "the server sent a record of %d bytes", n)
	}
	record, err := c.peek(5 + n)
	if err != nil {
		return 0, nil, err
	}
	content = record[5:]
	if c.in.cipher != nil {
		if content, err = c.in.cipher.open(kind, content); err != nil {
			return 0, nil, err
		}
	} else {
		content = slices.Clone(content)
	}
	if len(content) > maxPlaintext {
		return 0, nil, alertf(alertRecordOverflow, "the server sent a record of %d bytes", len(content))
	}
	c.in.raw = append(c.in.raw[:0], c.in.raw[5+n:]...)
	return kind, content, nil
}

// errCut is an end of the connection that the server did not announce.
var errCut = fmt.Errorf("tls: the server closed the connection without close_notify: %w", io.ErrUnexpectedEOF)

// peek returns the first n bytes that are not used yet. What came before a timeout is kept.
func (c *Conn) peek(n int) ([]byte, error) {
	for len(c.in.raw) < n {
		have := len(c.in.raw)
		c.in.raw = slices.Grow(c.in.raw, max(n-have, 512))
		k, err := c.net.Read(c.in.raw[have:cap(c.in.raw)])
		c.in.raw = c.in.raw[:have+k]
		if err == io.EOF {
			err = errCut
		}
		if err != nil && len(c.in.raw) < n {
			return nil, err
		}
	}
	return c.in.raw[:n], nil
}

// alerted says what an alert means: an error, unless it is a mere warning (RFC 5246 section 7.2).
func (c *Conn) alerted(alert []byte) error {
	if len(alert) != 2 {
		return alertf(alertDecodeError, "the server sent an alert of %d bytes", len(alert))
	}
	if level, number := alert[0], alert[1]; level == 2 || number == alertCloseNotify {
		return &AlertError{Number: number}
	}
	return nil
}

// writeRecord sends content as one record.
func (c *Conn) writeRecord(kind byte, content []byte) error {
	c.out.Lock()
	defer c.out.Unlock()
	return c.writeLocked(kind, content)
}

func (c *Conn) writeLocked(kind byte, content []byte) error {
	if c.out.err != nil {
		return c.out.err
	}
	if c.out.cipher != nil {
		content = c.out.cipher.seal(kind, content)
	}
	record := append([]byte{kind, version12 >> 8, version12 & 0xff, byte(len(content) >> 8), byte(len(content))}, content...)
	_, err := c.net.Write(record)
	c.out.err = err // even after a timeout: nobody knows how much of it has arrived
	return err
}

// lastWord returns the alert that the server sent before it closed the connection, when the device noticed
// that by a failed write; nil if there is none.
func (c *Conn) lastWord(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); !ok || e.Op != "write" {
		return nil
	}
	c.net.SetReadDeadline(time.Now().Add(time.Second))
	c.in.Lock()
	defer c.in.Unlock()
	for {
		if _, _, err := c.readRecord(); err != nil {
			alert, ok := errors.AsType[*AlertError](err)
			if ok && !alert.Sent {
				return alert
			}
			return nil
		}
	}
}

// fail tells the server by an alert why the device ends the connection, if err is such a reason.
func (c *Conn) fail(err error) {
	if alert, ok := err.(*AlertError); ok && alert.Sent {
		c.net.SetWriteDeadline(time.Now().Add(time.Second))
		c.writeRecord(recordAlert, []byte{2, alert.Number})
	}
	c.net.Close()
}

// Read reads what the server sent. After the server's close_notify it returns io.EOF.
func (c *Conn) Read(b []byte) (int, error) {
	c.in.Lock()
	defer c.in.Unlock()
	for len(c.in.data) == 0 && len(b) > 0 {
		kind, content, err := c.readRecord()
		if err == nil && kind != recordData && kind != recordHandshake {
			err = alertf(alertUnexpectedMessage, "the server sent a record of type %d after the handshake", kind)
			c.in.err = err
		}
		if alert, ok := err.(*AlertError); ok && !alert.Sent && alert.Number == alertCloseNotify {
			return 0, io.EOF
		} else if ok && alert.Sent {
			c.fail(err)
		}
		if err != nil {
			return 0, err
		}
		// A handshake message can only be HelloRequest, which asks for renegotiation and may be ignored
		// (RFC 5246 section 7.4.1.1).
		if kind == recordData {
			c.in.data = content
		}
	}
	n := copy(b, c.in.data)
	c.in.data = c.in.data[n:]
	return n, nil
}

// Write sends b in records of at most 16 KiB.
func (c *Conn) Write(b []byte) (n int, err error) {
	c.out.Lock()
	defer c.out.Unlock()
	for len(b) > 0 {
		part := b[:min(len(b), maxPlaintext)]
		if err := c.writeLocked(recordData, part); err != nil {
			return n, err
		}
		n += len(part)
		b = b[len(part):]
	}
	return n, nil
}

// Close says close_notify to the server and closes the connection.
func (c *Conn) Close() error {
	c.net.SetWriteDeadline(time.Now().Add(time.Second)) // a Write that hangs ends too
	c.out.Lock()
	defer c.out.Unlock()
	if c.out.err == nil {
		c.writeLocked(recordAlert, []byte{1, alertCloseNotify})
		c.out.err = net.ErrClosed
	}
	return c.net.Close()
}

func (c *Conn) LocalAddr() net.Addr                { return c.net.LocalAddr() }
func (c *Conn) RemoteAddr() net.Addr               { return c.net.RemoteAddr() }
func (c *Conn) SetDeadline(t time.Time) error      { return c.net.SetDeadline(t) }
func (c *Conn) SetReadDeadline(t time.Time) error  { return c.net.SetReadDeadline(t) }
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.net.SetWriteDeadline(t) }
