package atecc_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thingward/thingward/atecc"
)

func TestConsequences(t *testing.T) {
	f := func(c atecc.Config, target atecc.LockTarget, slot int, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, c.Consequences(target, slot)); diff != "" {
			t.Error(diff)
		}
	}
	f(atecc.AWSKit(), atecc.LockConfigZone, 0,
		"no byte of the configuration can be written again: what the slots are for, who may use them, the I2C address B0",
		"the slots can be written, in whole blocks of 32 bytes, but not read until the data zone is locked too",
		"keys can be made in slots 0, 2, 3, 7",
		"Random gives random numbers")
	f(atecc.AWSKit(), atecc.LockDataZone, 0,
		"the access rules of all slots apply from now on, and always will",
		"slots 1, 9 can be written only encrypted: the guarding keys must be in their slots first",
		"slots 4, 6 can never be read: keep a copy of what must be known elsewhere",
		"OTP can never be written again",
		"slots 8, 10-15 can be read by everybody")
	f(atecc.TrustLike(), atecc.LockDataZone, 0,
		"the access rules of all slots apply from now on, and always will",
		"slots 0, 1 can never get another key: what is there now stays; make the keys first",
		"slot 7 can never be written again: write it first",
		"slot 5 can be written only encrypted: the guarding keys must be in their slots first",
		"slots 6, 7, 9 can never be read: keep a copy of what must be known elsewhere",
		"OTP can never be written again",
		"slots 8, 10-15 can be read by everybody")
	consumption := atecc.AWSKit()
	consumption[18] = 0x55
	if got := consumption.Consequences(atecc.LockDataZone, 0); !slices.Contains(got, "writes to OTP can clear bits, never set them") {
		t.Errorf("%q", got)
	}
	f(atecc.AWSKit(), atecc.LockSlot, 7,
		"slot 7 keeps its private key for ever: GenKey and PrivWrite can never replace it",
		"its uses stay as they are: private P-256 key, signs messages of the chip's own making")
	f(atecc.AWSKit(), atecc.LockSlot, 11,
		"slot 11 keeps its contents for ever: no write and no DeriveKey can change them",
		"it is read as before: always")
}
