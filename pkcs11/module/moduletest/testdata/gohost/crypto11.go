package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"

	"github.com/ThalesIgnite/crypto11"
)

func useCrypto11(module, token, pin string, labels []string) error {
	ctx, err := crypto11.Configure(&crypto11.Config{Path: module, TokenLabel: token, Pin: pin, LoginNotSupported: pin == ""})
	if err != nil {
		return err
	}
	defer ctx.Close()
	digest := sha256.Sum256([]byte("to be signed"))
	for _, label := range labels {
		signer, err := ctx.FindKeyPair(nil, []byte(label))
		if err != nil || signer == nil {
			return fmt.Errorf("find %s: %v", label, err)
		}
		cert, err := ctx.FindCertificate(nil, []byte(label), nil)
		if err != nil || cert == nil {
			return fmt.Errorf("find the certificate of %s: %v", label, err)
		}
		var wg sync.WaitGroup
		failed := make(chan error, 16)
		for range 16 {
			wg.Go(func() {
				for range 20 {
					if err := signAndVerify(signer, cert.PublicKey, digest[:]); err != nil {
						failed <- err
						return
					}
				}
			})
		}
		wg.Wait()
		select {
		case err := <-failed:
			return fmt.Errorf("%s: %w", label, err)
		default:
		}
		if err := handshake(tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: signer}); err != nil {
			return fmt.Errorf("%s: %w", label, err)
		}
	}
	made, err := ctx.GenerateECDSAKeyPairWithLabel([]byte{9}, []byte("made"), p256)
	if err != nil {
		return err
	}
	if err := signAndVerify(made, made.Public(), digest[:]); err != nil {
		return err
	}
	if err := made.Delete(); err != nil {
		return err
	}
	fmt.Println("crypto11 is well")
	return nil
}

func signAndVerify(signer crypto.Signer, public crypto.PublicKey, digest []byte) error {
	signature, err := signer.Sign(rand.Reader, digest, crypto.SHA256)
	if err != nil {
		return err
	}
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(public, digest, signature) {
			return errors.New("a wrong signature")
		}
	case *rsa.PublicKey:
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest, signature); err != nil {
			return err
		}
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		if signature, err = signer.Sign(rand.Reader, digest, options); err != nil {
			return err
		}
		return rsa.VerifyPSS(public, crypto.SHA256, digest, signature, options)
	}
	return nil
}
