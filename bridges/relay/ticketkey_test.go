package relay

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"reflect"
	"testing"
)

func TestATurnThatIsAskedAgainHasTheSameCallback(t *testing.T) {
	key, err := ticketKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	one, again, other := ticket{Turn: "one"}, ticket{Turn: "one"}, ticket{Turn: "other"}
	if one.seal(key) != again.seal(key) {
		t.Error("the same ticket is sealed in two ways: a service's answer to a turn that was asked twice would be posted twice")
	}
	if one.seal(key) == other.seal(key) || one.seal(key)[:16] == other.seal(key)[:16] {
		t.Error("two tickets have one token, or one nonce")
	}
}

func TestCallbacksOfAnOlderVersionAreStillKnown(t *testing.T) {
	secret := make([]byte, 32)
	block, err := aes.NewCipher(secret)
	if err != nil {
		t.Fatal(err)
	}
	old, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ticketKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	want := ticket{Avatar: "luna", Turn: "one"}
	token := base64.RawURLEncoding.EncodeToString(old.Seal(nil, nil, encode(want), nil))
	if got, ok := unseal(token, key); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("it is %+v, %v", got, ok)
	}
}
