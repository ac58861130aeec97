package voximplant

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"time"

	"avatarbridge/avatar"
)

// window is the time within which a repeat is told from a reply that is said again. See key.
const window = 2 * time.Minute

// hooked is a Backend whose replies come over HTTP.
type hooked struct{ *Backend }

var _ avatar.Listener = hooked{}

// Handler takes one reply: 204 when it is stored; 400 with the reason for what is no reply, 404 when the conversation has ended, 405 for another
// method, 413 over 1 MiB, 503 when it could not be stored and should be sent again.
func (b hooked) Handler(say avatar.Speaker) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, status, problem := readCallback(w, r)
		if problem != "" {
			http.Error(w, problem, status)
			return
		}
		reply, err := parseReply(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reply.Key, reply.KeyFor = key(r.URL.Path, body), window
		switch err := say.Say(r.Context(), reply); {
		case errors.Is(err, avatar.ErrGone):
			http.Error(w, "the conversation has ended", http.StatusNotFound)
		case err != nil:
			w.Header().Set("Retry-After", "5")
			http.Error(w, "not stored, please send it again", http.StatusServiceUnavailable)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
}

// key is that of a reply. A service that gets no answer posts the same body to the same address once more, and says nothing by which it could be told
// from an avatar that says the same words twice: it is the time that tells. The address is part of the key, as each turn has its own: the same
// answer to two questions is two, and the same answer to a question that was asked twice, as after a crash, is one.
func key(address string, body []byte) string {
	h := sha256.New()
	_, _ = io.WriteString(h, address) // a hash never fails
	_, _ = h.Write([]byte{0})
	_, _ = h.Write(body)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// readCallback reads the body. When it is refused, problem says why.
func readCallback(w http.ResponseWriter, r *http.Request) (body []byte, status int, problem string) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, http.StatusMethodNotAllowed, "send replies with POST"
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, http.StatusRequestEntityTooLarge, "the body is larger than 1 MiB"
	}
	if err != nil {
		return nil, http.StatusBadRequest, "the body ended early"
	}
	return body, 0, ""
}
