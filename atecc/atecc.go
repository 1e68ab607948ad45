// Package atecc speaks to the secure elements ATECC508A and ATECC608A.
//
// The words are those of the data sheet. A chip has three zones: the configuration zone (128 bytes, a
// [Config]), the OTP zone (64 bytes) and the data zone of 16 slots. A [SlotConfig] and a [KeyConfig] say
// what each slot is for. TempKey is the volatile register that links commands to each other: one command
// loads it ([Nonce], [GenDig], [SHA]), the next one uses it up ([Sign], [Verify], [MAC]).
//
// Every command of the chip is a struct whose Execute method sends it over a [Transport] and decodes the
// reply. I2C, the kit protocol (package atecc/kit) and the software chip (package atecc/ateccsim) are
// transports. A reply that carries a status other than success becomes a [*StatusError], which says what
// to do.
//
// [Open] gives a [Device], which owns a transport: it wakes the chip, keeps commands that depend on each
// other together, minds the watchdog, and knows the longer procedures (encrypted reads and writes, locks
// with their CRC). [Device.Key] gives a [Key]: a crypto.Signer whose private half stays in a slot.
//
//	dev, err := atecc.Open(ctx, transport)
//	key, err := dev.Key(ctx, 0)
//	csr, err := x509.CreateCertificateRequest(rand.Reader, template, key)
//
// Locks cannot be undone on a real part. Try them on the software chip first.
package atecc
