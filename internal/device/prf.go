package device

import (
	"crypto/hmac"
	"crypto/sha256"
)

// prf is the pseudorandom function of TLS 1.2 with SHA-256 (RFC 5246 section 5): n bytes out of a secret, a
// label and a seed.
func prf(secret []byte, label string, seed []byte, n int) []byte {
	seed = append([]byte(label), seed...)
	sum := func(parts ...[]byte) []byte {
		mac := hmac.New(sha256.New, secret)
		for _, p := range parts {
			mac.Write(p)
		}
		return mac.Sum(nil)
	}
	var out []byte
	for a := sum(seed); len(out) < n; a = sum(a) { // A(1), A(2), ...
		out = append(out, sum(a, seed)...)
	}
	return out[:n]
}

// masterSecret is RFC 5246 section 8.1.
func masterSecret(secret, clientRandom, serverRandom []byte) []byte {
	return prf(secret, "master secret", append(clientRandom[:32:32], serverRandom...), 48)
}

// keys returns both directions' keys: 16 bytes of AES key and 4 of implicit nonce each (RFC 5246 section
// 6.3, RFC 5288 section 3). The seed is the other way round than in masterSecret.
func keys(master, clientRandom, serverRandom []byte) (client, server *gcm) {
	k := prf(master, "key expansion", append(serverRandom[:32:32], clientRandom...), 2*16+2*4)
	return newGCM(k[:16], k[32:36]), newGCM(k[16:32], k[36:40])
}

// verifyData is the content of Finished: label is "client finished" or "server finished" and transcript the
// hash of all handshake messages before it (RFC 5246 section 7.4.9).
func verifyData(master []byte, label string, transcript []byte) []byte {
	return prf(master, label, transcript, 12)
}
