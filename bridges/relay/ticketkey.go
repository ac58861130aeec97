package relay

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
)

// ticketKey makes the key of callback tokens from a secret of 32 bytes. Its nonces are part of the token and made of what is sealed: a turn that
// is asked again, as after a crash, has the same token, by which a service's same answer to it is known.
func ticketKey(secret []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &synthetic{gcm: gcm, key: digest(secret, []byte("nonces of callback tokens"))}, nil
}

// synthetic is GCM with nonces that are a digest of the plaintext, in front of the ciphertext: two plaintexts have different ones, and of equal
// ones it can be seen that they are. It takes no nonce of the caller's.
type synthetic struct {
	gcm cipher.AEAD
	key []byte // of the digests
}

func digest(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write(text) // a hash never fails
	return h.Sum(nil)
}

// NonceSize implements cipher.AEAD.
func (s *synthetic) NonceSize() int { return 0 }

// Overhead implements cipher.AEAD.
func (s *synthetic) Overhead() int { return s.gcm.NonceSize() + s.gcm.Overhead() }

// Seal implements cipher.AEAD.
func (s *synthetic) Seal(dst, _, plaintext, additional []byte) []byte {
	nonce := digest(s.key, plaintext)[:s.gcm.NonceSize()]
	return s.gcm.Seal(append(dst, nonce...), nonce, plaintext, additional)
}

var errNoToken = errors.New("too short for a token")

// Open implements cipher.AEAD. It opens also what was sealed with a random nonce in front.
func (s *synthetic) Open(dst, _, ciphertext, additional []byte) ([]byte, error) {
	n := s.gcm.NonceSize()
	if len(ciphertext) < n {
		return nil, errNoToken
	}
	return s.gcm.Open(dst, ciphertext[:n], ciphertext[n:], additional)
}
