package wire

import (
	"errors"

	"github.com/thingward/thingward/pkcs11"
)

// These take one argument off the request, and note it for the trace. Go evaluates the arguments of a call from left to right, so that
// they may stand in it in the order of the wire.

func (c *call) slot() pkcs11.SlotID {
	v := pkcs11.SlotID(c.in.ulong())
	c.note.argument("slotID", v)
	return v
}

func (c *call) session() pkcs11.SessionHandle {
	v := pkcs11.SessionHandle(c.in.ulong())
	c.note.argument("hSession", v)
	return v
}

func (c *call) object(name string) pkcs11.ObjectHandle {
	v := pkcs11.ObjectHandle(c.in.ulong())
	c.note.argument(name, v)
	return v
}

func (c *call) flags() uint {
	v := c.in.ulong()
	c.note.flags(v)
	return v
}

func (c *call) user() pkcs11.UserType {
	v := pkcs11.UserType(c.in.ulong())
	c.note.user(v)
	return v
}

func (c *call) boolean(name string) bool {
	v := c.in.u8() != 0
	c.note.argument(name, v)
	return v
}

func (c *call) pin(name string) []byte {
	v := c.in.bytes()
	c.note.secret(name, v)
	return v
}

func (c *call) data(name string) []byte {
	v := c.in.bytes()
	c.note.size(name, v)
	return v
}

func (c *call) template(name string) []pkcs11.Attribute {
	t := c.in.template()
	c.note.template(name, t)
	return t
}

func (c *call) mechanism() pkcs11.Mechanism {
	m := c.in.mechanism()
	c.note.mechanism(m)
	return m
}

// room is the size of the host's buffer.
func (c *call) room() int {
	n := c.in.capacity()
	c.buffer = n >= 0
	c.note.room(n)
	return n
}

// made answers with the handle of a new object.
func (c *call) made(h pkcs11.ObjectHandle, err error) error {
	c.out.ulong(uint(h))
	c.note.result("object", h)
	return err
}

// give answers with an output, or with its length.
func (c *call) give(b []byte, n int, err error) error {
	short := errors.Is(err, pkcs11.CKR_BUFFER_TOO_SMALL)
	if err != nil && !short {
		return err
	}
	c.keep = true
	if c.buffer && !short {
		b = append([]byte{}, b...) // no output is not NULL
		n = len(b)
	}
	c.out.ulong(uint(n))
	c.out.bytes(b)
	c.note.result("length", n)
	return err
}

func writeList[T ~uint](c *call, list []T, err error) error {
	c.out.u32(uint32(len(list)))
	for _, v := range list {
		c.out.ulong(uint(v))
	}
	c.note.list(len(list))
	return err
}
