package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/thingward/thingward/atecc"
)

func chipInspect(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newChipFlags("inspect", "CHIP")
	raw := f.Bool("hex", false, "only the 128 bytes of the configuration, as configure and new take them")
	c, _, err := f.forOne(ctx, args, stderr, 0)
	if err != nil {
		return err
	}
	defer c.close()
	config := c.Config()
	if *raw {
		for line := range slices.Chunk(config[:], 32) {
			fmt.Fprintf(stdout, "%X\n", line)
		}
		return nil
	}
	what := "behind " + c.name
	if c.sim != nil {
		what = "a software chip in " + strings.TrimPrefix(c.name, "sim:")
	}
	fmt.Fprintf(stdout, "%s  %s, %s\n\n", c.Model(), c.SerialNumber(), what)
	inspectChip(stdout, &config)
	fmt.Fprintln(stdout)
	for slot := 0; slot < atecc.SlotCount; {
		slot = inspectSlots(ctx, stdout, c, &config, slot)
	}
	return nil
}

// inspectChip prints what is not about slots.
func inspectChip(w io.Writer, c *atecc.Config) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	switch {
	case !c.ConfigLocked():
		line("configuration", "open: it can be changed, keys cannot be made")
	default:
		line("configuration", "locked for ever")
	}
	switch {
	case c.DataLocked():
		line("data and OTP", "locked for ever: the rules below apply")
	case c.ConfigLocked():
		line("data and OTP", "open: slots can be written, not read; the rules below do not apply yet")
	default:
		line("data and OTP", "open")
	}
	if c[14]&1 == 1 {
		line("bus", "I2C, address %02X (7 bits: %02X)", c.I2CAddress(), c.I2CAddress()>>1)
	} else {
		line("bus", "single wire")
	}
	for n := range 2 {
		line(fmt.Sprintf("counter %d", n), "%d of %d", c.Counter(n), atecc.MaxCounter)
	}
	watchdog := "1.3 s"
	if c.LongWatchdog() {
		watchdog = "13 s"
	}
	line("watchdog", "%s", watchdog)
	if model, err := c.Model(); err != nil {
		return
	} else if model == atecc.ATECC508A {
		line("OTP", "%s", describeOTP(c.OTPMode()))
		return
	}
	line("AES", "%s", onOff(c.AESEnable()))
	protection := "off"
	if o := c.ChipOptions(); o.IOProtection() {
		protection = fmt.Sprintf("on, key in slot %d", o.IOProtectionKey())
	}
	line("IO protection", "%s", protection)
	boot := "off"
	if c.SecureBoot().Mode() != atecc.SecureBootDisabled {
		boot = fmt.Sprintf("on, public key in slot %d", c.SecureBoot().PublicKeySlot())
	}
	line("secure boot", "%s", boot)
	if slot, on := c.CountMatch(); on {
		line("count match", "limit of counter 0 in slot %d", slot)
	}
}

func describeOTP(m atecc.OTPMode) string {
	switch m {
	case atecc.OTPReadOnly:
		return "read-only"
	case atecc.OTPConsumption:
		return "writes can clear bits"
	}
	return fmt.Sprintf("mode %02X, which has no meaning", byte(m))
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// inspectSlots prints a slot, together with those after it of which the same is true, and returns the next one.
func inspectSlots(ctx context.Context, w io.Writer, c *openChip, config *atecc.Config, slot int) int {
	d := config.Describe(slot)
	end := slot + 1
	for ; end < atecc.SlotCount && !config.Key(slot).Private(); end++ {
		next := config.Describe(end)
		if next.Slot = slot; next != d || atecc.SlotSize(end) != atecc.SlotSize(slot) {
			break
		}
	}
	names := fmt.Sprint(slot)
	if end > slot+1 {
		names = fmt.Sprintf("%d-%d", slot, end-1)
	}
	paragraph(w, fmt.Sprintf("  %5s  ", names), d.Kind)
	rule := func(name, text string) {
		if text != "" {
			paragraph(w, fmt.Sprintf("           %-6s ", name), text)
		}
	}
	rule("read", d.Read)
	rule("write", d.Write)
	rule("use", d.Use)
	rule("lock", d.Lock)
	if config.Key(slot).Private() && config.Key(slot).PubInfo() && config.ConfigLocked() {
		text := "none made yet"
		if key, err := c.Key(ctx, slot); err == nil {
			point := key.PublicPoint()
			text = fmt.Sprintf("%X… (public half)", point[:12])
		}
		rule("key", text)
	}
	return end
}
