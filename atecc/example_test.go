package atecc_test

import (
	"context"
	"fmt"
	"log"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/ateccsim"
)

// A blank chip gets the configuration of the AWS kit and a key that never leaves it.
func Example() {
	ctx := context.Background()
	chip, err := ateccsim.New(ateccsim.Options{}) // or atecc.OpenI2C("/dev/i2c-1", 0x60)
	if err != nil {
		log.Fatal(err)
	}
	dev, err := atecc.Open(ctx, chip)
	if err != nil {
		log.Fatal(err)
	}
	if err := dev.WriteConfig(ctx, atecc.AWSKit()); err != nil {
		log.Fatal(err)
	}
	if err := dev.LockConfig(ctx); err != nil { // for ever, on a real part
		log.Fatal(err)
	}
	if err := dev.LockData(ctx, atecc.BlankMemory()); err != nil { // likewise
		log.Fatal(err)
	}
	key, err := dev.GenerateKey(ctx, 0)
	if err != nil {
		log.Fatal(err)
	}
	config := dev.Config()
	fmt.Println(dev.Model(), len(key.PublicPoint()))
	fmt.Println(config.Describe(0))
	// Output:
	// ATECC508A 64
	// slot 0: private P-256 key, signs any digest, signs messages of the chip's own making, ECDH, secret goes to slot 1; read: public half only; write: GenKey makes a new key; can be locked
}
