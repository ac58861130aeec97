package webhook

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"avatarbridge/avatar"
)

const maxKey = 200 // bytes of a webhook-id

// Handler takes one signed POST of a reply or a list of them: 204 when all of it is stored; 400 with the reason for what is no
// reply, 401 for a signature that does not fit, 405 for another method, 404 when the conversation has ended, 413 over 1 MiB, 503
// when it could not be stored and should be sent again. The replies of a list are keyed by webhook-id and position, so that a list
// that was stored in part is completed by sending it again.
func (b *Backend) Handler(say avatar.Speaker) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		replies, status, problem := b.hear(w, r)
		if problem != "" {
			http.Error(w, problem, status)
			return
		}
		for _, reply := range replies {
			if err := say.Say(r.Context(), reply); errors.Is(err, avatar.ErrGone) {
				http.Error(w, "the conversation has ended", http.StatusNotFound)
				return
			} else if err != nil {
				http.Error(w, "not stored, please send it again", http.StatusServiceUnavailable)
				return
			}
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// hear reads and verifies a callback. When it is refused, problem says why.
func (b *Backend) hear(w http.ResponseWriter, r *http.Request) (replies []avatar.Reply, status int, problem string) {
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
	if b.signer != nil {
		if err := b.signer.Verify(body, r.Header); err != nil {
			return nil, http.StatusUnauthorized, unsigned(err)
		}
	}
	id := r.Header.Get(standardwebhooks.HeaderWebhookID)
	if len(id) > maxKey {
		return nil, http.StatusBadRequest, "webhook-id is longer than 200 bytes"
	}
	if replies, err = parseReplies(body); err != nil {
		return nil, http.StatusBadRequest, err.Error()
	}
	key(replies, id)
	return replies, 0, ""
}

// key names the replies after the callback's id.
func key(replies []avatar.Reply, id string) {
	if id == "" {
		return
	}
	for i := range replies {
		replies[i].Key = id
		if len(replies) > 1 {
			replies[i].Key += "/" + strconv.Itoa(i)
		}
	}
}

// unsigned tells the service's author what is wrong with a signature.
func unsigned(err error) string {
	switch {
	case errors.Is(err, standardwebhooks.ErrRequiredHeaders):
		return "webhook-id, webhook-timestamp and webhook-signature are needed: sign the callback with the avatar's secret"
	case errors.Is(err, standardwebhooks.ErrMessageTooOld), errors.Is(err, standardwebhooks.ErrMessageTooNew):
		return "webhook-timestamp is more than five minutes off: check the clock, and sign each attempt anew"
	case errors.Is(err, standardwebhooks.ErrInvalidHeaders):
		return "webhook-timestamp must be the time in seconds since 1970"
	}
	return "webhook-signature does not fit the body and the avatar's secret"
}
