// Gohost is a Go program that uses the library as Go programs do: through miekg/pkcs11, and through crypto11.
//
//	gohost story MODULE ec|rsa|chip             the functions of the FreeRTOS subset, in the order of use; then TLS with that key
//	gohost crypto11 MODULE TOKEN PIN LABEL...   crypto11: sign from many goroutines; then TLS
//
// The environment has PORT and ROOT of the server, and FACTORY, the URL that makes a certificate for a public key.
package main

import (
	"fmt"
	"os"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 4 && os.Args[1] == "story":
		err = story(os.Args[2], os.Args[3])
	case len(os.Args) > 5 && os.Args[1] == "crypto11":
		err = useCrypto11(os.Args[2], os.Args[3], os.Args[4], os.Args[5:])
	default:
		err = fmt.Errorf("usage: gohost story MODULE ec|rsa|chip, or gohost crypto11 MODULE TOKEN PIN LABEL...")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gohost:", err)
		os.Exit(1)
	}
}
