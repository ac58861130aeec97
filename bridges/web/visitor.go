package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/http"
	"strings"

	"avatarbridge/bridges"
)

const (
	tokenBytes = 32
	// cookieAge is as long as browsers keep a cookie at most (RFC 6265bis, section 5.5).
	cookieAge = 400 * 24 * 60 * 60
)

// A visitor is the id under which a browser is known: the first half of its token's SHA-256, in hex. The token is 256 random bits, so
// nobody finds it from the id, and to find another token with the same id takes 2^128 attempts. The token itself is kept nowhere: it is
// all that a person needs to be this visitor.
type visitor string

func visitorOf(token string) visitor {
	sum := sha256.Sum256([]byte(token))
	return visitor(hex.EncodeToString(sum[:16]))
}

// person and place are the visitor as the relay knows them.
func (b *Bridge) person(v visitor) bridges.Person {
	return bridges.Person{Platform: "web", Tenant: b.cfg.Name, User: string(v)}
}

func (b *Bridge) place(v visitor) bridges.Place {
	return bridges.Place{Channel: string(v), Direct: true}
}

func newToken() string {
	var t [tokenBytes]byte
	_, _ = rand.Read(t[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(t[:])
}

// wellFormed says whether s can be one of our tokens. Who makes up another one gets a new one, so nobody is known by "1234".
func wellFormed(s string) bool {
	if len(s) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return false
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && !strings.ContainsAny(s, "\r\n") // which the decoder would pass over
}

// Cookies are valid in all of the host: the first bridge's page is at / as well. Over TLS their names begin with __Host-, which keeps
// another host of the same domain from planting a token that it knows. Browsers refuse such a name at http://localhost.
const (
	cookiePrefix = "__Host-"
	cookieName   = "avatarbridge-"        // and the bridge's name
	frameName    = "avatarbridge.framed." // likewise, for frames of other sites
)

// secure says whether the browser reached us over TLS. X-Forwarded-Proto is there only if a trusted proxy set it.
func (b *Bridge) secure(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") || strings.HasPrefix(b.cfg.PublicURL, "https://")
}

// cookieOf is the full name of a cookie for a request.
func (b *Bridge) cookieOf(r *http.Request, name string) string {
	if b.secure(r) && !loopback(r.Host) {
		return cookiePrefix + name + b.cfg.Name
	}
	return name + b.cfg.Name
}

func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// token returns the token of a cookie, "" when there is none that can be ours.
func (b *Bridge) token(r *http.Request, name string) string {
	for _, c := range r.CookiesNamed(b.cookieOf(r, name)) {
		if wellFormed(c.Value) {
			return c.Value
		}
	}
	return ""
}

// visitor returns who sent r; false when it has no cookie. In a frame of another site a browser sends only the frame's cookie.
func (b *Bridge) visitor(r *http.Request) (visitor, bool) {
	token := b.token(r, cookieName)
	if token == "" {
		token = b.token(r, frameName)
	}
	return visitorOf(token), token != ""
}

// framed says whether the page is asked for to stand in a frame of another site.
func framed(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Site") == "cross-site" && inFrame(r) || r.URL.Query().Has("embed")
}

func inFrame(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "iframe", "frame", "embed", "object":
		return true
	}
	return false
}

// welcome gives the browser its cookie, or the same one for another while. A frame of another site gets one that belongs to that site:
// browsers keep the page's own one from it. A page that is loaded again inside its frame is asked for by itself, so a frame without any
// cookie gets both; a browser takes those that fit.
func (b *Bridge) welcome(w http.ResponseWriter, r *http.Request) {
	own, frame := b.token(r, cookieName), b.token(r, frameName)
	if !inFrame(r) && !framed(r) {
		b.setCookie(w, r, cookieName, own)
		return
	}
	if own != "" { // the other site is of our own domain
		b.setCookie(w, r, cookieName, own)
		return
	}
	if frame == "" {
		frame = newToken()
	}
	if b.secure(r) { // else no browser takes it
		b.setCookie(w, r, frameName, frame)
	}
	if r.Header.Get("Sec-Fetch-Site") != "cross-site" {
		b.setCookie(w, r, cookieName, frame)
	}
}

func (b *Bridge) setCookie(w http.ResponseWriter, r *http.Request, name, token string) {
	if token == "" {
		token = newToken()
	}
	c := &http.Cookie{Name: b.cookieOf(r, name), Value: token, Path: "/", MaxAge: cookieAge, HttpOnly: true,
		Secure: b.secure(r), SameSite: http.SameSiteLaxMode}
	if name == frameName {
		c.SameSite, c.Partitioned = http.SameSiteNoneMode, true
	}
	http.SetCookie(w, c)
}
