package web

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

// A page is what page.html is executed with.
type page struct {
	Base     string // "/chat/NAME": all that the page asks for is below it
	Assets   string // stands for this version of the files: Base/static/Assets/page.js
	Title    string // of the window
	Avatar   string // the name that is shown
	Notice   string // says that the avatar is no human; may be empty
	Greeting string // for an empty chat; may be empty
	Face     string // the picture's address, "" when there is none
	MaxText  int    // longest text, in UTF-16 units
	Voice    bool   // the avatar hears
	MaxVoice int    // longest sound, in bytes
	Embed    bool   // it is shown in a frame of another site
}

// servePage shows the chat, and makes whoever has no cookie a visitor.
func (b *Bridge) servePage(w http.ResponseWriter, r *http.Request) {
	p := page{
		Base: b.base, Assets: b.files.hash, Title: b.cfg.name(), Avatar: b.cfg.name(),
		Notice: b.cfg.Notice, Greeting: b.cfg.Greeting, MaxText: b.cfg.MaxText,
		Voice: b.hears(), MaxVoice: b.cfg.MaxVoice, Embed: framed(r),
	}
	if f, err := b.face(); err == nil && f != nil {
		p.Face = b.base + "/face/" + f.hash
	}
	var body bytes.Buffer
	if err := b.files.page.Execute(&body, p); err != nil {
		b.log.Error("the page cannot be made", "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	b.welcome(w, r)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", b.policy)
	h.Set("Permissions-Policy", "microphone=(self), camera=(), geolocation=(), display-capture=(), payment=(), usb=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Origin-Agent-Cluster", "?1")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	_, _ = body.WriteTo(w) // a browser that went away needs no answer
}

// policy is what a browser lets the page do. Nothing of another host is loaded, and no script or style stands in the page.
func policy(origins []string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; connect-src 'self'; " +
		"font-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors " + strings.Join(append([]string{"'self'"}, origins...), " ") +
		"; require-trusted-types-for 'script'; trusted-types avatarbridge"
}
