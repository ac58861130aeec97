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

// makeBlinding makes the secret the first time that somebody is forgotten.
func (c *core) makeBlinding() error {
	if c.blind != nil {
		return nil
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	if err := c.run("INSERT INTO setting (name, value) VALUES (?, ?)", blinding, secret); err != nil {
		return err
	}
	c.blind = secret
	c.later(func() { c.blind = nil })
	return nil
}

// blindTurns keeps which turns of a person there were in conversations that go on.
func (c *core) blindTurns(person int64) error {
	rows, err := c.all("SELECT conversation, id FROM turn WHERE person = ? AND id <> ''", person)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := c.run("INSERT INTO forgotten (conversation, turn) VALUES (?, ?) ON CONFLICT DO NOTHING", r.int(0), c.blinded(r.text(1))); err != nil {
			return err
		}
	}
	return nil
}

// forgottenTurn says whether the turn with the id was that of somebody who is forgotten.
func (c *core) forgottenTurn(v *conversation, id string) (bool, error) {
	if id == "" || c.blind == nil {
		return false, nil
	}
	r, err := c.one("SELECT 1 FROM forgotten WHERE conversation = ? AND turn = ?", v.ID, c.blinded(id))
	return r != nil, err
}

// blindKeys blinds the event keys that have one of the ids in them, as a word of its own. It reads all keys.
func (c *core) blindKeys(users []string) error {
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
