package atecc

import "fmt"

// A Zone is one of the memories of the chip.
type Zone byte

const (
	ZoneConfig Zone = 0
	ZoneOTP    Zone = 1
	ZoneData   Zone = 2
)

func (z Zone) String() string {
	switch z {
	case ZoneConfig:
		return "config"
	case ZoneOTP:
		return "OTP"
	case ZoneData:
		return "data"
	}
	return fmt.Sprintf("zone %d", byte(z))
}

// Sizes in bytes.
const (
	ConfigSize = 128
	OTPSize    = 64
	SlotCount  = 16
	WordSize   = 4
	BlockSize  = 32
)

// SlotSize is the size of a slot in bytes: 36, 416 or 72.
func SlotSize(slot int) int {
	switch {
	case slot < 8:
		return 36
	case slot == 8:
		return 416
	}
	return 72
}

// Address is param2 of Read and Write in the configuration and OTP zones.
func Address(block, word int) uint16 { return uint16(block<<3 | word&7) }

// SlotAddress is param2 of Read and Write in the data zone.
func SlotAddress(slot, block, word int) uint16 { return uint16(block<<8 | slot<<3 | word&7) }
