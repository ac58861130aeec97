package server

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"

	"avatarbridge/bridges/relay"
)

var (
	//go:embed index.html
	page string
	//go:embed index.css
	style string

	pageTemplate = template.Must(template.New("index").Parse(page))
)

// indexPage is what the page shows: nothing that a stranger may not know.
type indexPage struct {
	Style   template.CSS
	Bridges []indexBridge
}

type indexBridge struct {
	Name, Platform string
	Up             bool
}

// index serves a page that says what runs here.
func index(status func() relay.Status) http.Handler {
	sum := sha256.Sum256([]byte(style))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p := indexPage{Style: template.CSS(style)}
		for _, b := range status().Bridges {
			p.Bridges = append(p.Bridges, indexBridge{b.Name, platformName(b.Platform), b.Connected})
		}
		var body bytes.Buffer
		if err := pageTemplate.Execute(&body, p); err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Cache-Control", "no-store")
		_, _ = body.WriteTo(w) // a client that went away needs no answer
	})
}

// platformName writes a platform as people do: "telegram" is Telegram.
func platformName(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
