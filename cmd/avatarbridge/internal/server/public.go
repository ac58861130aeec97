package server

import (
	"io"
	"net/http"

	"avatarbridge/bridges/relay"
)

// PublicParts is what the public server is made of. Status and Ready must be set; a nil Handler is 404.
type PublicParts struct {
	Webhooks map[string]http.Handler // by the name of the bridge
	Callback http.Handler            // reads the path values name and token
	Media    http.Handler            // reads the path value token
	Sites    []Site                  // the first one has / too; without any, / is a page that says which bridges are up
	Status   func() relay.Status     // for that page; must do no I/O
	Ready    func() bool             // false: everything but /livez, that page and the sites is 503
}

// A Site is the pages of one bridge. It is asked at any time and says itself what it cannot do yet. Its requests may last.
type Site struct {
	Name    string // of the bridge
	Handler http.Handler
}

// Public returns the handler of the public server.
func Public(p PublicParts) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", livez)
	for i, site := range p.Sites {
		h := site.Handler
		mux.Handle("/chat/"+site.Name, h)
		mux.Handle("/chat/"+site.Name+"/", h)
		if i == 0 {
			mux.Handle("/{$}", h)
		}
	}
	if len(p.Sites) == 0 {
		mux.Handle("GET /{$}", index(p.Status))
	}
	part := func(pattern string, h http.Handler) {
		if h != nil {
			mux.Handle(pattern, whenReady(p.Ready, h))
		}
	}
	part("/media/{token}", p.Media)
	part("/avatars/{name}/callback/{token}", p.Callback)
	for name, h := range p.Webhooks {
		part("/bridges/"+name+"/webhook", h)
		part("/bridges/"+name+"/events", h)
	}
	return forClients.timed(headed(mux))
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

// headed sets the headers that hold for every answer; a handler may set its own.
func headed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}
