package avatartest

import (
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// tokens signs access tokens and knows which of them are good.
type tokens struct {
	key    []byte
	parser *jwt.Parser

	mu      sync.Mutex
	serial  float64            // of the last token issued; a float64 as it comes back from JSON
	revoked map[string]float64 // by uid, "" for all: tokens up to this serial are refused
}

func newTokens(now func() time.Time) *tokens {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return &tokens{
		key: key, revoked: make(map[string]float64),
		parser: jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithTimeFunc(now)),
	}
}

func (k *tokens) sign(t TokenRequest, claims map[string]any) (string, error) {
	k.mu.Lock()
	k.serial++
	claims["serial"] = k.serial
	k.mu.Unlock()
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims)).SignedString(k.key)
}

func (k *tokens) revoke(uid string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.revoked[uid] = k.serial
}

// A grant is what a good token allows.
type grant struct{ virtual, user, runner string }

var errRevoked = errors.New("the token was revoked")

// check verifies the Authorization header of a call.
func (k *tokens) check(header string) (grant, error) {
	bearer, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return grant{}, errors.New("no bearer token")
	}
	token, err := k.parser.Parse(bearer, func(*jwt.Token) (any, error) { return k.key, nil })
	if err != nil {
		return grant{}, err
	}
	claims := token.Claims.(jwt.MapClaims)
	from := map[string]any(claims)
	if nested, ok := claims["metadata"].(map[string]any); ok && from["userUid"] == nil {
		from = nested
	}
	g := grant{virtual: word(from["virtualId"]), user: word(from["userUid"]), runner: word(claims["runner"])}
	serial, _ := claims["serial"].(float64)
	k.mu.Lock()
	defer k.mu.Unlock()
	if serial <= k.revoked[""] || serial <= k.revoked[g.user] {
		return grant{}, errRevoked
	}
	return g, nil
}
