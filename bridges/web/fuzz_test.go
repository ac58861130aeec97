package web

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"
)

// serve posts a message without a network and returns the status.
func serve(t *testing.T, b *Bridge, body []byte) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/chat/site/messages", bytes.NewReader(body))
	r.Header.Set("Content-Type", asJSON)
	r.AddCookie(&http.Cookie{Name: "avatarbridge-site", Value: tokens.issue()})
	w := httptest.NewRecorder()
	b.Site().ServeHTTP(w, r)
	return w.Code
}

func FuzzCookie(f *testing.F) {
	for _, seed := range []string{"", "avatarbridge-site=1", "avatarbridge-site=" + tokens.issue(), "=;;a", "avatarbridge-site=\"" + tokens.issue() + "\"",
		"avatarbridge.framed.site=" + tokens.issue() + "; avatarbridge-site=x"} {
		f.Add(seed)
	}
	b, err := New(settings(), nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	b.signer.Store(&tokens)
	f.Fuzz(func(t *testing.T, cookie string) {
		r := httptest.NewRequest(http.MethodGet, "/chat/site", nil)
		r.Header["Cookie"] = []string{cookie}
		v, known := b.visitor(r)
		if known && len(v) != 32 {
			t.Errorf("%q is the visitor %q", cookie, v)
		}
		w := httptest.NewRecorder()
		b.Site().ServeHTTP(w, r)
		set := w.Result().Cookies()
		if len(set) != 1 {
			t.Fatalf("%q: the answer sets %v", cookie, set)
		}
		token, err := base64.RawURLEncoding.DecodeString(set[0].Value)
		if err != nil || len(token) != tokenBytes {
			t.Errorf("%q: the answer sets %v", cookie, set)
		}
	})
}
