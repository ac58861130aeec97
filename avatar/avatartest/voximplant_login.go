package avatartest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// voximplantTokens signs tokens and knows which of them are good.
type voximplantTokens struct {
	key    []byte
	parser *jwt.Parser
	issued *record[string]

	mu      sync.Mutex
	serial  float64 // of the last token
	revoked float64 // tokens up to this serial are refused
}

func newVoximplantTokens(now func() time.Time) *voximplantTokens {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return &voximplantTokens{
		key: key, issued: newRecord[string](1000),
		parser: jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithTimeFunc(now), jwt.WithAudience("chats")),
	}
}

func (k *voximplantTokens) sign(claims jwt.MapClaims) (string, error) {
	k.mu.Lock()
	k.serial++
	claims["serial"] = k.serial
	k.mu.Unlock()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(k.key)
	if err == nil {
		k.issued.add(token)
	}
	return token, err
}

func (k *voximplantTokens) revoke() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.revoked = k.serial
}

// good verifies an Authorization header.
func (k *voximplantTokens) good(header string) bool {
	bearer, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return false
	}
	claims := jwt.MapClaims{}
	if _, err := k.parser.ParseWithClaims(bearer, claims, func(*jwt.Token) (any, error) { return k.key, nil }); err != nil {
		return false
	}
	serial, _ := claims["serial"].(float64)
	k.mu.Lock()
	defer k.mu.Unlock()
	return serial > k.revoked
}

// serveLogon takes the documented GET and a form. Its errors come with status 200.
func (v *Voximplant) serveLogon(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(r)
	if err != nil {
		http.Error(w, "request entity too large", http.StatusRequestEntityTooLarge)
		return
	}
	form := r.URL.Query()
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if posted, err := url.ParseQuery(string(body)); err == nil {
			for k, values := range posted {
				form[k] = values
			}
		}
	}
	known := form.Get("account_id") == v.cfg.AccountID
	l := VoximplantLogon{Method: r.Method, InURL: r.URL.Query().Has("api_key") || r.URL.Query().Has("subuser_password"),
		Accepted: known && v.opens(form.Get("api_key"), form.Get("subuser_login"), form.Get("subuser_password"))}
	f := v.next(LogonAsked, Heard{})
	l.Fault = f.Name
	v.logons.add(l)
	v.step(LogonAsked, Heard{Fault: f.Name})
	if !f.late && f.serve(v.api, w, r) {
		return
	}
	switch {
	case !form.Has("account_id"):
		platformError(w, 101, "Required parameter missing: account_id")
	case !l.Accepted:
		platformError(w, 100, "Authorization failed")
	case !f.late || !f.serve(v.api, w, r):
		v.answering(LogonAnswered, Heard{Fault: f.Name}, func() {
			writeJSON(w, http.StatusOK, map[string]any{"result": voximplantSession, "account_id": json.Number(v.cfg.AccountID),
				"nlu_addresses": *v.named.Load(), "payments_key": voximplantExtra})
		})
	}
}

// opens says whether credentials are right.
func (v *Voximplant) opens(key, login, password string) bool {
	return key == v.cfg.APIKey || key == "" && login == v.cfg.SubuserLogin && password == v.cfg.SubuserPassword
}

// platformError answers as the platform API does, which says all is well in the status.
func platformError(w http.ResponseWriter, code int, msg string) {
	writeJSON(w, http.StatusOK, map[string]any{"error": map[string]any{"code": code, "msg": msg}})
}

func (v *Voximplant) serveLogin(w http.ResponseWriter, r *http.Request, s *server) {
	body, err := readBody(r)
	if err != nil {
		apiError(w, http.StatusRequestEntityTooLarge, "request entity too large")
		return
	}
	var c struct{ AccountID, APIKey, SubuserLogin, SubuserPassword string }
	bad := json.Unmarshal(body, &c)
	f := v.next(LoginAsked, Heard{})
	h := Heard{Fault: f.Name}
	v.step(LoginAsked, h)
	if !f.late && f.serve(s, w, r) {
		return
	}
	switch {
	case bad != nil || !isJSON(r):
		apiError(w, http.StatusBadRequest, "invalid JSON body")
	case c.AccountID != v.cfg.AccountID || !v.opens(c.APIKey, c.SubuserLogin, c.SubuserPassword):
		apiError(w, http.StatusUnauthorized, "Unauthorized")
	case !f.late || !f.serve(s, w, r):
		v.issue(w, f, h)
	}
}

func (v *Voximplant) issue(w http.ResponseWriter, f Fault, h Heard) {
	now := v.cfg.Now()
	claims := map[string]any{"aud": []string{"chats"}, "iat": now.Unix(), "exp": now.Add(v.cfg.Lifetime).Unix(), "sub": v.cfg.AccountID}
	if f.claims != nil {
		f.claims(claims)
	}
	token, err := v.tokens.sign(claims)
	if err != nil {
		apiError(w, http.StatusInternalServerError, "cannot sign")
		return
	}
	v.answering(LoginAnswered, h, func() { writeJSON(w, http.StatusOK, map[string]string{"jwt": token}) })
}
