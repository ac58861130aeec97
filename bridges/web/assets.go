package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
)

//go:embed page
var embedded embed.FS

// embedScript is what other sites load; its address never changes.
const embedScript = "embed.js"

// assets are the files of the page. They are made once and never change.
type assets struct {
	hash  string // of all of them: a part of their address, so that an address always means the same bytes
	page  *template.Template
	files map[string][]byte // by name, without the page itself
}

func loadAssets() (*assets, error) {
	names, err := fs.ReadDir(embedded, "page")
	if err != nil {
		return nil, fmt.Errorf("read the page's files: %w", err)
	}
	a := &assets{files: map[string][]byte{}}
	sum := sha256.New()
	for _, n := range names {
		if n.IsDir() {
			continue
		}
		data, err := embedded.ReadFile("page/" + n.Name())
		if err != nil {
			return nil, fmt.Errorf("read the page's file %s: %w", n.Name(), err)
		}
		_, _ = fmt.Fprintf(sum, "%s %d\n%s", n.Name(), len(data), data) // a hash takes everything
		a.files[n.Name()] = data
	}
	a.hash = hex.EncodeToString(sum.Sum(nil)[:8])
	if a.page, err = template.New("page").Parse(string(a.files["page.html"])); err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	delete(a.files, "page.html")
	return a, nil
}

// types are the media types of the files that a page may have, whatever the machine thinks.
var types = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png",
	".ico": "image/x-icon", ".webmanifest": "application/manifest+json",
}

func typeOf(name string) string {
	if t := types[path.Ext(name)]; t != "" {
		return t
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// serveFile serves a file of the page. An address with another hash is of another version of the program: it is not answered with these
// bytes, which would be kept under it for ever.
func (b *Bridge) serveFile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	data, ok := b.files.files[name]
	if !ok || r.PathValue("hash") != b.files.hash {
		w.Header().Set("Cache-Control", "no-store")
		http.NotFound(w, r)
		return
	}
	b.serveBytes(w, data, typeOf(name), "public, max-age=31536000, immutable")
}

// serveEmbed serves the script that puts the page into other sites.
func (b *Bridge) serveEmbed(w http.ResponseWriter, r *http.Request) {
	data, ok := b.files.files[embedScript]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	b.serveBytes(w, data, typeOf(embedScript), "public, max-age=300")
}

// serveFace serves the avatar's picture.
func (b *Bridge) serveFace(w http.ResponseWriter, r *http.Request) {
	f, err := b.face()
	if err != nil || f == nil || r.PathValue("hash") != f.hash {
		w.Header().Set("Cache-Control", "no-store")
		http.NotFound(w, r)
		return
	}
	b.serveBytes(w, f.data, f.mediaType, "public, max-age=31536000, immutable")
}

func (b *Bridge) serveBytes(w http.ResponseWriter, data []byte, mediaType, caching string) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(data)))
	h.Set("Cache-Control", caching)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox") // for a picture that is opened by itself
	_, _ = w.Write(data)                                                                       // a browser that went away needs no answer
}
