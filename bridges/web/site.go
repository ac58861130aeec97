package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Site implements bridges.Site.
func (b *Bridge) Site() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", b.servePage)
	mux.HandleFunc("GET "+b.base, b.servePage)
	mux.HandleFunc("GET "+b.base+"/{$}", b.servePage)
	mux.HandleFunc("GET "+b.base+"/static/{hash}/{file}", b.serveFile)
	mux.HandleFunc("GET "+b.base+"/face/{hash}", b.serveFace)
	mux.HandleFunc("GET "+b.base+"/"+embedScript, b.serveEmbed)
	mux.HandleFunc("GET "+b.base+"/events", b.serveEvents)
	mux.HandleFunc("POST "+b.base+"/messages", b.posted(b.takeMessage))
	mux.HandleFunc("POST "+b.base+"/voice", b.serveVoice)
	mux.HandleFunc("POST "+b.base+"/reset", b.posted(b.takeReset))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		mux.ServeHTTP(w, r)
	})
}

// A refusal is an answer that is not what was asked for.
type refusal struct {
	status int
	code   string        // for the page
	words  string        // for the person
	after  time.Duration // when to try again; 0: that is not told
}

// The refusals. What a person reads is about what they did, in words that need no knowledge of the program.
var (
	refuseOrigin   = refusal{status: http.StatusForbidden, code: "origin", words: "Another site cannot write here in your name."}
	refuseCookie   = refusal{status: http.StatusUnauthorized, code: "cookie", words: "Your browser sent no cookie, so nobody could find your chat again. Please allow cookies for this page and load it again."}
	refuseStarting = refusal{status: http.StatusServiceUnavailable, code: "starting", words: "The chat is just starting. One moment, please.", after: 2 * time.Second}
	refuseStoring  = refusal{status: http.StatusServiceUnavailable, code: "starting", words: "Your message could not be kept just now. It is sent again by itself.", after: 3 * time.Second}
	refuseSlow     = refusal{status: http.StatusServiceUnavailable, code: "starting", words: "The message took too long to arrive. It is sent again by itself.", after: time.Second}
	refuseType     = refusal{status: http.StatusUnsupportedMediaType, code: "type", words: "This kind of message cannot be read here."}
	refuseBad      = refusal{status: http.StatusBadRequest, code: "bad", words: "The message arrived broken. Please load the page again."}
	refuseEmpty    = refusal{status: http.StatusBadRequest, code: "empty", words: "There is nothing in the message."}
	refuseBusy     = refusal{status: http.StatusTooManyRequests, code: "too_many", words: "That was a lot at once. Please wait a moment."}
	refuseLimit    = refusal{status: http.StatusTooManyRequests, code: "too_many", words: "That was a lot for now. It is sent again by itself, later."}
	refuseOpen     = refusal{status: http.StatusTooManyRequests, code: "too_many", words: "The chat is open in too many places. Please close some of them.", after: 30 * time.Second}
)

func refuseText(most int) refusal {
	return refusal{status: http.StatusRequestEntityTooLarge, code: "too_long",
		words: "The message is too long: at most " + strconv.Itoa(most) + " characters, please."}
}

func refuseVoice(most int) refusal {
	return refusal{status: http.StatusRequestEntityTooLarge, code: "too_large",
		words: "The recording is too long: at most " + strconv.Itoa(most>>10) + " KiB, please."}
}

// waiting is the refusal with a time after which to try again.
func (f refusal) waiting(d time.Duration) refusal {
	f.after = d
	return f
}

func (f refusal) write(w http.ResponseWriter) {
	body, err := json.Marshal(map[string]string{"error": f.words, "code": f.code})
	if err != nil {
		body = []byte("{}") // two texts can always be written
	}
	if f.after > 0 {
		// Rounded up: who comes too early is refused once more.
		w.Header().Set("Retry-After", strconv.FormatInt(int64((f.after+time.Second-1)/time.Second), 10))
	}
	answer(w, f.status, body)
}

func answer(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a browser that went away needs no answer
}

// originOf is the origin of an address, "" when it has none.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
