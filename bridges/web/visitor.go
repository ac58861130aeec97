package web

import (
	"cmp"
	"crypto/hmac"
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
	randomBytes = 16
	tokenBytes  = 32 // randomBytes, and as much of their HMAC
	// cookieAge is as long as browsers keep a cookie at most (RFC 6265bis, section 5.5).
	cookieAge = 400 * 24 * 60 * 60
)

// A visitor is the id under which a browser is known: the first half of its token's SHA-256, in hex. The token is 128 random bits, signed with
// a secret of the bridge: nobody finds it from the id, and a token that somebody made up is none, so that it costs a look at the page to be
// somebody else. The token itself is kept nowhere: it is all that a person needs to be this visitor.
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

// A signer makes tokens and knows its own again.
type signer []byte

func (s signer) issue() string {
	var t [randomBytes]byte
	_, _ = rand.Read(t[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(append(t[:], s.mac(t[:])...))
}

func (s signer) mac(random []byte) []byte {
	h := hmac.New(sha256.New, s)
	_, _ = h.Write([]byte("visitor ")) // a hash takes everything
	_, _ = h.Write(random)
	return h.Sum(nil)[:tokenBytes-randomBytes]
}

// issued says whether the token is one of the bridge's. Who makes up another one gets a new one, so nobody is known by "1234".
func (s signer) issued(token string) bool {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenBytes) || strings.ContainsAny(token, "\r\n") { // which the decoder would pass over
		return false
	}
	t, err := base64.RawURLEncoding.Strict().DecodeString(token)
	return err == nil && hmac.Equal(s.mac(t[:randomBytes]), t[randomBytes:])
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

// token returns the token of a cookie, "" when there is none of ours. Before Run has opened nobody can tell.
func (b *Bridge) token(r *http.Request, name string) string {
	signer := b.signer.Load()
	if signer == nil {
		return ""
	}
	for _, c := range r.CookiesNamed(b.cookieOf(r, name)) {
		if signer.issued(c.Value) {
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
//
// Before Run has opened there is no secret to sign with, and cookies stay as they are: a page without one is told so when it connects, and loads
// itself again.
func (b *Bridge) welcome(w http.ResponseWriter, r *http.Request) {
	signer := b.signer.Load()
	if signer == nil {
		return
	}
	own, frame := b.token(r, cookieName), b.token(r, frameName)
	if !inFrame(r) && !framed(r) {
		b.setCookie(w, r, cookieName, cmp.Or(own, signer.issue()))
		return
	}
	if own != "" { // the other site is of our own domain
		b.setCookie(w, r, cookieName, own)
		return
	}
	if frame == "" {
		frame = signer.issue()
	}
	if b.secure(r) { // else no browser takes it
		b.setCookie(w, r, frameName, frame)
	}
	if r.Header.Get("Sec-Fetch-Site") != "cross-site" {
		b.setCookie(w, r, cookieName, frame)
	}
}

func (b *Bridge) setCookie(w http.ResponseWriter, r *http.Request, name, token string) {
	c := &http.Cookie{Name: b.cookieOf(r, name), Value: token, Path: "/", MaxAge: cookieAge, HttpOnly: true,
		Secure: b.secure(r), SameSite: http.SameSiteLaxMode}
	if name == frameName {
		c.SameSite, c.Partitioned = http.SameSiteNoneMode, true
	}
	http.SetCookie(w, c)
}
