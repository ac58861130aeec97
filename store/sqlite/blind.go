package sqlite

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

// blinding is the setting with the secret that event keys of forgotten people are blinded with. An event key can hold a person's id
// (a direct chat has it on most platforms), and yet must go on keeping the event from being answered again.
const blinding = "blinding"

// loadBlinding reads the secret; nil while nobody was ever forgotten, and then keys are looked up only as they are.
func (c *core) loadBlinding() error {
	r, err := c.one("SELECT value FROM setting WHERE name = ?", blinding)
	if err == nil && r != nil {
		c.blind = append([]byte(nil), r.bytes(0)...)
	}
	return err
}

// blinded is what stands in place of a forgotten person's event key.
func (c *core) blinded(key string) string {
	h := hmac.New(sha256.New, c.blind)
	h.Write([]byte(key))
	return "blind:" + hex.EncodeToString(h.Sum(nil)[:16])
}

// blindKeys blinds the event keys that have one of the ids in them, as a word of its own. It reads all keys.
func (c *core) blindKeys(users []string) error {
	if c.blind == nil {
		secret := make([]byte, 32)
		if _, err := rand.Read(secret); err != nil {
			return err
		}
		if err := c.run("INSERT INTO setting (name, value) VALUES (?, ?)", blinding, secret); err != nil {
			return err
		}
		c.blind = secret
		c.later(func() { c.blind = nil })
	}
	for _, user := range users {
		found := map[int64]string{}
		if err := c.each(func(r row) error {
			if key := r.text(1); names(key, user) {
				found[r.int(0)] = key
			}
			return nil
		}, "SELECT row, key FROM turn WHERE key IS NOT NULL AND instr(key, ?) > 0", user); err != nil {
			return err
		}
		for row, key := range found {
			if err := c.run("UPDATE turn SET key = ? WHERE row = ?", c.blinded(key), row); err != nil {
				return err
			}
		}
	}
	return nil
}
