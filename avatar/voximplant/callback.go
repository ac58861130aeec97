package voximplant

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"avatarbridge/avatar"
)

// window is the time within which a repeat is told from a reply that is said again. See keys.
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
		switch err := b.say(r.Context(), say, reply, keys(r.URL.Path, body, b.now())); {
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

// say says the reply under the first key, and takes the second one too so that a repeat finds one of them.
func (b *Backend) say(ctx context.Context, say avatar.Speaker, r avatar.Reply, key [2]string) error {
	r.Key = key[0]
	if err := say.Say(ctx, r); err != nil {
		return err
	}
	if r.Ends || r.Text == "" && r.Audio.URL == "" {
		return nil // a repeat of an end finds the conversation gone, one of silence is silent
	}
	if err := say.Say(ctx, avatar.Reply{Key: key[1]}); err != nil && !errors.Is(err, avatar.ErrGone) {
		return err
	}
	return nil
}

// keys are those of a reply in its own window of time and in the next one. A service that gets no answer posts the same body to the same address
// once more, and says nothing by which it could be told from an avatar that says the same words twice: it is the time that tells. A repeat within
// the window finds one of the two keys, wherever the borders of the windows lie and however often the program was started in between; what is said
// again after two windows finds neither. The address is part of the keys, as each turn has its own: the same answer to two questions is two.
func keys(address string, body []byte, now time.Time) (key [2]string) {
	h := sha256.New()
	_, _ = io.WriteString(h, address) // a hash never fails
	_, _ = h.Write([]byte{0})
	_, _ = h.Write(body)
	sum := base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
	n := now.UnixNano() / int64(window)
	return [2]string{sum + "/" + strconv.FormatInt(n, 36), sum + "/" + strconv.FormatInt(n+1, 36)}
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
