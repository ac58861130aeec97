package media

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"
)

// serveTimeout bounds one download: a slow reader must not keep a file open for ever.
const serveTimeout = 5 * time.Minute

// ServeHTTP serves kept audio to everybody who knows its token, the path value "token": GET and HEAD, ranges too. What is unknown or
// expired is 404.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	f, _, expires, err := s.sounds.open(r.PathValue("token"))
	if errors.Is(err, fs.ErrNotExist) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		s.cfg.Log.Error("kept audio cannot be read", "dir", s.cfg.Dir, "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	defer f.Close() // was only read
	format := sniffFile(f)
	if format == nil {
		http.NotFound(w, r)
		return
	}
	h.Set("Content-Type", format.mime)
	h.Set("Content-Disposition", `inline; filename="audio.`+format.ext+`"`)
	h.Set("Cache-Control", fmt.Sprintf("private, max-age=%d", int(expires.Sub(s.now()).Seconds())))
	h.Set("Content-Security-Policy", "default-src 'none'; media-src 'self'")
	// A writer that knows no deadlines (in tests) is not bounded.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(serveTimeout))
	http.ServeContent(w, r, "", expires.Add(-s.cfg.Keep), f)
}
