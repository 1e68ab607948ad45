package ateccsim

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/thingward/thingward/atecc"
)

// The oracle knows nothing of commands. It only compares the chip's memory before and after, and looks at
// what comes out: no secret byte leaves, nothing locked changes, no lock opens.
type oracle struct {
	*bench
	before  State
	secrets [][]byte
}

func newOracle(b *bench) *oracle {
	o := &oracle{bench: b, before: b.chip.State()}
	for n := range atecc.SlotCount {
		o.keepSecret(&o.before, n)
	}
	return o
}

// hidden: the slot's contents may not leave in the clear.
func hidden(s *State, slot int) bool {
	config := s.Config.Slot(slot)
	return s.Config.Key(slot).Private() || config.IsSecret() || config.EncryptRead() || !s.Config.DataLocked()
}

// window is how many bytes in a row count as a leak: fewer meet by chance.
const window = 8

func (o *oracle) keepSecret(s *State, slot int) {
	if hidden(s, slot) && s.Config.DataLocked() {
		o.secrets = append(o.secrets, bytes.Clone(s.Slot(slot)[:36]))
	}
}

// check is called after each packet.
func (o *oracle) check(cmd atecc.Command, reply []byte) {
	o.Helper()
	after := o.chip.State()
	o.checkReply(cmd, reply)
	if o.before.Config.ConfigLocked() {
		o.checkConfig(cmd, &after)
	}
	for n := range atecc.SlotCount {
		o.checkSlot(cmd, &after, n)
	}
	if o.before.Config.DataLocked() {
		o.checkOTP(cmd, &after)
	}
	if refused(reply) && after != o.before {
		o.Fatalf("%v: refused with %X, yet the chip changed", cmd, reply)
	}
	// New secrets of the chip's own making are to be watched as well.
	if cmd.Opcode == atecc.OpGenKey || cmd.Opcode == atecc.OpDeriveKey {
		for n := range atecc.SlotCount {
			if !bytes.Equal(o.before.Slot(n), after.Slot(n)) {
				o.keepSecret(&after, n)
			}
		}
	}
	o.before = after
}

func refused(reply []byte) bool {
	s := atecc.Status(reply[1])
	return len(reply) == 4 && (s == atecc.StatusParse || s == atecc.StatusExecution || s == atecc.StatusCommunication)
}

func (o *oracle) checkReply(cmd atecc.Command, reply []byte) {
	o.Helper()
	if _, err := atecc.ParseReply(reply); err != nil {
		o.Fatalf("%v: reply %X: %v", cmd, reply, err)
	}
	for _, s := range o.secrets {
		for n := 0; n+window <= len(s); n++ {
			part := s[n : n+window]
			if bytes.Count(part, part[:1]) < window && bytes.Contains(reply, part) {
				o.Fatalf("%v: the reply %X contains the secret %X", cmd, reply, s)
			}
		}
	}
}

// checkConfig: after its lock only locks, counters and extras move, and only forward.
func (o *oracle) checkConfig(cmd atecc.Command, after *State) {
	o.Helper()
	for n := range after.Config {
		was, is := o.before.Config[n], after.Config[n]
		free := n >= 52 && n < 68 || n == 84 || n == 85
		closing := (n >= 68 && n < 84 || n >= 86 && n < 90) && is&^was == 0
		if was != is && !free && !closing {
			o.Fatalf("%v: configuration byte %d went from %02X to %02X", cmd, n, was, is)
		}
	}
	for n := range 2 {
		if after.Config.Counter(n) < o.before.Config.Counter(n) {
			o.Fatalf("%v: counter %d went back", cmd, n)
		}
	}
	if was := o.before.Config.UserExtra(); was != 0 && after.Config.UserExtra() != was {
		o.Fatalf("%v: UserExtra changed again", cmd)
	}
}

func (o *oracle) checkSlot(cmd atecc.Command, after *State, n int) {
	o.Helper()
	if bytes.Equal(o.before.Slot(n), after.Slot(n)) {
		return
	}
	config, key := o.before.Config.Slot(n), o.before.Config.Key(n)
	switch {
	case !o.before.Config.ConfigLocked():
		o.Fatalf("%v: slot %d changed before the configuration lock", cmd, n)
	case o.before.Config.SlotLocked(n):
		o.Fatalf("%v: the locked slot %d changed", cmd, n)
	case o.before.Config.DataLocked() && key.Private() && !config.GenKey() && !config.PrivWrite():
		o.Fatalf("%v: the private key of slot %d changed", cmd, n)
	case o.before.Config.DataLocked() && cmd.Opcode == atecc.OpWrite && config.WriteMode() == atecc.WriteNever:
		o.Fatalf("%v: slot %d was written", cmd, n)
	}
}

func (o *oracle) checkOTP(cmd atecc.Command, after *State) {
	o.Helper()
	consumption := o.before.Model == atecc.ATECC508A && o.before.Config.OTPMode() == atecc.OTPConsumption
	for n := range after.OTP {
		if was, is := o.before.OTP[n], after.OTP[n]; was != is && (!consumption || is&^was != 0) {
			o.Fatalf("%v: OTP byte %d went from %02X to %02X", cmd, n, was, is)
		}
	}
}

// Execute lets the oracle see every packet.
func (o *oracle) send(cmd atecc.Command) []byte {
	o.Helper()
	wake(o, o.chip)
	reply, err := o.chip.Execute(o.Context(), cmd.Append(nil))
	if err != nil {
		o.Fatalf("%v: %v", cmd, err)
	}
	o.check(cmd, reply)
	return reply
}

// A source gives numbers from 0 to n-1: a random generator, or the bytes of a fuzzer.
type source func(n int) int

// randomCommand is often a legal one.
func randomCommand(next source) atecc.Command {
	entry := commands[next(len(commands))]
	cmd := atecc.Command{Opcode: entry.opcode, Param1: byte(next(256)), Param2: uint16(next(16))}
	sizes := []int{0, 0, 3, 4, 16, 20, 32, 32, 64, 68, 77, 83, 96, 128}
	cmd.Data = make([]byte, sizes[next(len(sizes))])
	switch cmd.Opcode {
	case atecc.OpRead, atecc.OpWrite:
		cmd.Param1 = []byte{0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x82, 0xC2}[next(8)]
		cmd.Param2 = uint16(next(4)<<8 | next(16)<<3 | next(8))
		if cmd.Opcode == atecc.OpRead {
			cmd.Data = nil
		}
	case atecc.OpSHA:
		cmd.Param1 &= 7
		if next(2) == 0 {
			cmd.Param2 = uint16(len(cmd.Data))
		}
	case atecc.OpLock:
		cmd.Param1, cmd.Data = byte(next(16)<<2|next(4)), nil
	case atecc.OpSign:
		cmd.Param1, cmd.Data = []byte{0x00, 0x40, 0x80, 0xA0}[next(4)], nil
	case atecc.OpGenKey:
		cmd.Param1 = []byte{0x00, 0x04, 0x08, 0x0C, 0x10}[next(5)]
	case atecc.OpKDF, atecc.OpSecureBoot, atecc.OpMAC, atecc.OpCheckMac, atecc.OpVerify, atecc.OpAES, atecc.OpNonce:
		cmd.Param1 &= []byte{0x07, 0xE7, 0xFF}[next(3)]
	}
	if next(16) == 0 {
		cmd.Param2 = uint16(next(1 << 16))
	}
	for n := range cmd.Data {
		cmd.Data[n] = byte(next(256))
	}
	if cmd.Opcode == atecc.OpECDH && len(cmd.Data) == 64 || cmd.Opcode == atecc.OpVerify && len(cmd.Data) == 128 {
		copy(cmd.Data[len(cmd.Data)-64:], point(next(3)+90))
	}
	return cmd
}

// randomStep is a command, or one of the procedures that commands seldom make by chance.
func randomStep(o *oracle, next source) {
	slot := next(16)
	switch next(12) {
	case 0:
		o.send(atecc.Command{Opcode: atecc.OpNonce, Data: make([]byte, 20)})
	case 1:
		o.send(atecc.Command{Opcode: atecc.OpNonce, Param1: 3, Data: message[:]})
	case 2:
		o.send(atecc.Command{Opcode: atecc.OpNonce, Data: make([]byte, 20)})
		o.send(atecc.Command{Opcode: atecc.OpGenDig, Param1: 2, Param2: uint16(slot)})
	case 3:
		o.authorise(slot)
	case 4:
		o.writeEncrypted(slot)
	case 5:
		o.send(atecc.Command{Opcode: atecc.OpRead, Param1: 0x82, Param2: atecc.SlotAddress(slot, next(2), 0)})
	case 6:
		switch next(8) {
		case 0:
			o.chip.Sleep(o.Context())
		case 1:
			o.chip.Idle(o.Context())
		}
	default:
		o.send(randomCommand(next))
	}
}

// authorise passes CheckMac, if the slot allows it, with the key that is there now.
func (o *oracle) authorise(slot int) {
	o.Helper()
	cmd := atecc.CheckMac{Slot: slot}
	response := atecc.CheckMacDigest(o.before.Slot(slot)[:32], cmd.Challenge[:], cmd.OtherData, [8]byte{}, o.serial())
	data := append(append(make([]byte, 32), response[:]...), make([]byte, 13)...)
	o.send(atecc.Command{Opcode: atecc.OpCheckMac, Param2: uint16(slot), Data: data})
}

// writeEncrypted knows TempKey from inside.
func (o *oracle) writeEncrypted(slot int) {
	o.Helper()
	tempKey := o.chip.tempKey.low()
	w := atecc.Write{Zone: atecc.ZoneData, Address: atecc.SlotAddress(slot, 0, 0), Data: make([]byte, 32), Encrypted: !o.before.Config.DataLocked()}
	mac := atecc.WriteMAC(tempKey, w.Command().Header(), o.serial(), tempKey[:]) // the plain text that encrypts to zeros
	w.MAC = mac[:]
	o.send(w.Command())
}

// randomConfig draws slot and key configurations from the bits that matter.
func randomConfig(next source) slots {
	defs := slots{}
	for n := range atecc.SlotCount {
		def := slotDef{atecc.SlotConfig(next(1 << 16)), atecc.KeyConfig(next(1 << 16)), next(8) == 0}
		switch next(4) {
		case 0:
			def.key = def.key&^0x1F | private | p256
		case 1:
			def.key = def.key&^0x1D | p256
		default:
			def.key = def.key&^0x1D | sha
		}
		if next(2) == 0 {
			def.key &^= reqAuth4 | reqRandom | 0x0F00
		}
		defs[n] = def
	}
	return defs
}

// TestRandomCommands plays many short lives of chips under the oracle's eyes.
func TestRandomCommands(t *testing.T) {
	for seed := range uint64(300) {
		next := source(rand.New(rand.NewPCG(seed, 0)).IntN)
		model := []atecc.Model{atecc.ATECC508A, atecc.ATECC608A}[next(2)]
		o := newOracle(newBench(t, model, stage(next(3)), randomConfig(next)))
		for range 150 {
			randomStep(o, next)
		}
	}
}

// FuzzChip takes the whole life from the fuzzer.
func FuzzChip(f *testing.F) {
	for seed := range byte(6) {
		b := make([]byte, 600)
		rand.NewChaCha8([32]byte{seed}).Read(b)
		f.Add(seed%2 == 0, seed, b)
	}
	f.Fuzz(func(t *testing.T, is608 bool, locks byte, life []byte) {
		next := func(n int) int {
			var b [2]byte
			life = life[copy(b[:], life):]
			return int(binary.LittleEndian.Uint16(b[:])) * n >> 16
		}
		model := atecc.ATECC508A
		if is608 {
			model = atecc.ATECC608A
		}
		o := newOracle(newBench(t, model, stage(locks%3), randomConfig(next)))
		for len(life) > 0 {
			randomStep(o, next)
		}
	})
}

// FuzzPacket gives the chip raw bytes.
func FuzzPacket(f *testing.F) {
	f.Add([]byte{7, 0x30, 0, 0, 0, 3, 0x5D})
	f.Add([]byte{7})
	f.Fuzz(func(t *testing.T, packet []byte) {
		b := newBench(t, atecc.ATECC608A, dataLocked, nil)
		reply, err := b.chip.Execute(t.Context(), packet)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := atecc.ParseReply(reply); err != nil {
			t.Error(err)
		}
	})
}
