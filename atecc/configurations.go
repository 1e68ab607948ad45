package atecc

// Named configurations. Their serial number is that of the sample part; SetSerialNumber changes it, and
// [Device.WriteConfig] never writes it.

// Factory508A is the configuration zone of a blank ATECC508A.
func Factory508A() Config {
	return mustConfig(`
		0123150300005000 3785F0A2EEC05900 C000550083208720 8F20C48F8F8F8F8F
		9F8FAF8F00000000 0000000000000000 0000AF8FFFFFFFFF 00000000FFFFFFFF
		00000000FFFFFFFF FFFFFFFFFFFFFFFF FFFFFFFF00005555 FFFF000000000000
		3300330033001C00 1C001C001C001C00 3C003C003C003C00 3C003C003C001C00`)
}

// Factory608A is the configuration zone of a blank ATECC608A.
func Factory608A() Config {
	return mustConfig(`
		0123150300006002 3785F0A2EE010100 C000000083208720 8720872F872F8F8F
		9F8FAF8F00000000 0000000000000000 0000AF8FFFFFFFFF 00000000FFFFFFFF
		0000000000000000 0000000000000000 0000000000005555 FFFF000000000000
		3300330033003300 33001C001C001C00 3C003C003C003C00 3C003C003C001C00`)
}

// Factory is the blank configuration of a part.
func Factory(m Model) Config {
	if m == ATECC608A {
		return Factory608A()
	}
	return Factory508A()
}

// AWSKit is the TLS layout of the AWS zero-touch kit on an ATECC508A: slot 0 the device key, slots 1 to
// 3 and 7 for TLS, slot 4 the key of encrypted reads and writes, slots 10 to 12 the compressed certificates.
func AWSKit() Config {
	return mustConfig(`
		0123150300005000 3785F0A2EEC05900 B000AA008F20C444 872087208F0FC436
		9F0F82200F0FC444 0F0F0F0F0F0F0F0F 0F0F0F0FFFFFFFFF 00000000FFFFFFFF
		0000000000000000 0000000000000000 0000000000005555 FFFF000000000000
		33001C0013001300 7C001C003C003300 3C003C003C003000 3C003C003C003000`)
}

// TrustLike is an ATECC608A set up in the manner of the vendor's pre-provisioned parts: slot 0 the device
// key, which nothing can replace after the data lock, slot 1 a key that only vouches for the chip's own state,
// slots 2 to 4 further private keys, slot 5 a secret, slot 6 the IO protection key that guards it, slot 8 open
// data, slot 9 an AES key, slots 10 to 12 the compressed certificates.
func TrustLike() Config {
	return mustConfig(`
		0123150300006002 3785F0A2EE010100 6A00000085008200 852085208520C646
		8F0F9F8F0F0F8F0F 0F0F0F0F0F0F0F0F 0F0F0F0FFFFFFFFF 00000000FFFFFFFF
		0000000000000000 0000000000000000 0000000000005555 FFFF026000000000
		3300330033003300 33001C007C001C00 3C0038003C003000 3C003C003C003C00`)
}

func mustConfig(text string) Config {
	c, err := ParseConfig(text)
	if err != nil {
		panic(err)
	}
	return c
}
