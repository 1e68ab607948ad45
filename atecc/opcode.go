package atecc

import (
	"fmt"
	"time"
)

// An Opcode names a command in its packet.
type Opcode byte

const (
	OpPause       Opcode = 0x01 // 508A only
	OpRead        Opcode = 0x02
	OpMAC         Opcode = 0x08
	OpHMAC        Opcode = 0x11 // 508A only
	OpWrite       Opcode = 0x12
	OpGenDig      Opcode = 0x15
	OpNonce       Opcode = 0x16
	OpLock        Opcode = 0x17
	OpRandom      Opcode = 0x1B
	OpDeriveKey   Opcode = 0x1C
	OpUpdateExtra Opcode = 0x20
	OpCounter     Opcode = 0x24
	OpCheckMac    Opcode = 0x28
	OpInfo        Opcode = 0x30
	OpGenKey      Opcode = 0x40
	OpSign        Opcode = 0x41
	OpECDH        Opcode = 0x43
	OpVerify      Opcode = 0x45
	OpPrivWrite   Opcode = 0x46
	OpSHA         Opcode = 0x47
	OpAES         Opcode = 0x51 // 608A only
	OpKDF         Opcode = 0x56 // 608A only
	OpSelfTest    Opcode = 0x77 // 608A only
	OpSecureBoot  Opcode = 0x80 // 608A only
)

// opcodes has the name of each command and the longest time it takes on either part, in milliseconds
// and at the fastest clock setting.
var opcodes = map[Opcode]struct {
	name         string
	m508A, m608A int
}{
	OpPause:       {"Pause", 3, 3},
	OpRead:        {"Read", 5, 5},
	OpMAC:         {"MAC", 14, 55},
	OpHMAC:        {"HMAC", 23, 23},
	OpWrite:       {"Write", 26, 45},
	OpGenDig:      {"GenDig", 11, 35},
	OpNonce:       {"Nonce", 29, 20},
	OpLock:        {"Lock", 32, 35},
	OpRandom:      {"Random", 23, 23},
	OpDeriveKey:   {"DeriveKey", 50, 50},
	OpUpdateExtra: {"UpdateExtra", 10, 10},
	OpCounter:     {"Counter", 20, 25},
	OpCheckMac:    {"CheckMac", 13, 40},
	OpInfo:        {"Info", 2, 5},
	OpGenKey:      {"GenKey", 115, 653},
	OpSign:        {"Sign", 60, 665},
	OpECDH:        {"ECDH", 58, 531},
	OpVerify:      {"Verify", 72, 1085},
	OpPrivWrite:   {"PrivWrite", 48, 50},
	OpSHA:         {"SHA", 9, 75},
	OpAES:         {"AES", 27, 27},
	OpKDF:         {"KDF", 165, 165},
	OpSelfTest:    {"SelfTest", 2324, 2324},
	OpSecureBoot:  {"SecureBoot", 480, 480},
}

func (o Opcode) String() string {
	if op, ok := opcodes[o]; ok {
		return op.name
	}
	return fmt.Sprintf("opcode %02X", byte(o))
}

// MaxTime is how long a host waits at most for the reply of the given part, at its slowest clock
// setting. An opcode unknown to us gets the time of the slowest command.
func (o Opcode) MaxTime(m Model) time.Duration {
	op, ok := opcodes[o]
	if !ok {
		op = opcodes[OpSelfTest]
	}
	if m == ATECC508A {
		return time.Duration(op.m508A) * time.Millisecond
	}
	return time.Duration(op.m608A) * time.Millisecond
}
