package server

import (
	"io"
	"net/http"
	"time"

	"avatarbridge/bridges/relay"
)

// bodyTimeout is how long a platform or a service may take to send a request's body, and its handler to store it.
const bodyTimeout = time.Minute

// PublicParts is what the public server is made of. Status and Ready must be set; a nil Handler is 404.
type PublicParts struct {
	Webhooks map[string]http.Handler // by the name of the bridge
	Callback http.Handler            // reads the path values name and token
	Media    http.Handler            // reads the path value token
	Index    http.Handler            // GET /; nil: a page that says what this is and which bridges are up
	Status   func() relay.Status     // for the page; must do no I/O
	Ready    func() bool             // false: everything but /livez and the page is 503
}

// Public returns the handler of the public server.
func Public(p PublicParts) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", livez)
	if p.Index == nil {
		p.Index = index(p.Status)
	}
	mux.Handle("GET /{$}", p.Index)
	part := func(pattern string, h http.Handler) {
		if h != nil {
			mux.Handle(pattern, whenReady(p.Ready, h))
		}
	}
	part("/media/{token}", p.Media)
	part("/avatars/{name}/callback/{token}", inTime(p.Callback))
	for name, h := range p.Webhooks {
		part("/bridges/"+name+"/webhook", inTime(h))
	}
	return headed(mux)
}

// livez says that the process answers requests, and no more.
func livez(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "ok\n") // a client that went away needs no answer
}

// whenReady answers 503 until ready, so that platforms and services offer the same again.
func whenReady(ready func() bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ready() {
			w.Header().Set("Retry-After", "5")
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// inTime bounds how long a request's body may take: handlers bound its size only. Nil stays nil.
func inTime(next http.Handler) http.Handler {
	if next == nil {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A writer that knows no deadlines is a test's. The server sets a new one for the connection's next request.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		next.ServeHTTP(w, r)
	})
}

// headed sets the headers that hold for every answer; a handler may set its own.
func headed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}
