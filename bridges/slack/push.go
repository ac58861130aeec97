package slack

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	slackapi "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// maxRequest bounds the body of a request.
const maxRequest = 4 << 20

// Handler implements bridges.Webhook: events, commands and interactions over HTTP. Slack repeats an event that is not answered with 2xx
// within three seconds, with the same key. So what can never be understood is taken and left out.
func (b *Bridge) Handler() http.Handler { return http.HandlerFunc(b.hear) }

func (b *Bridge) hear(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if b.cfg.SigningSecret == "" {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if !signed(r.Header, b.cfg.SigningSecret, body) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	env := readRequest(r.Header.Get("Content-Type"), body)
	if challenge := challengeOf(env); challenge != "" { // also before Run has opened: it says only that the secret is right
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, challenge) // a client that went away needs no answer
		return
	}
	l := b.ear.Load()
	if l == nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	l.rx.Health(nil)
	w.WriteHeader(l.push(r.Context(), env))
}

// signed reports whether Slack made the request, within the last five minutes.
func signed(h http.Header, secret string, body []byte) bool {
	v, err := slackapi.NewSecretsVerifier(h, secret)
	if err != nil {
		return false
	}
	_, _ = v.Write(body) // never fails
	return v.Ensure() == nil
}

// readRequest makes of a request the envelope that it would be on a socket.
func readRequest(contentType string, body []byte) envelope {
	kind, _, _ := mime.ParseMediaType(contentType)
	if kind != "application/x-www-form-urlencoded" {
		return envelope{Type: socketmode.RequestTypeEventsAPI, Payload: body}
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("payload") != "" || form.Get("command") == "" {
		return envelope{Type: socketmode.RequestTypeInteractive}
	}
	fields := map[string]string{}
	for name := range form {
		fields[name] = form.Get(name)
	}
	payload, err := json.Marshal(fields)
	if err != nil {
		return envelope{Type: socketmode.RequestTypeInteractive}
	}
	return envelope{Type: socketmode.RequestTypeSlashCommands, Payload: payload}
}

// challengeOf is what is to be sent back when Slack asks whether the address is the app's.
func challengeOf(env envelope) string {
	var c callback
	if env.Type != socketmode.RequestTypeEventsAPI || decode(env.Payload, &c) != nil || c.Type != "url_verification" {
		return ""
	}
	return c.Challenge
}

// push takes one request and returns the status that answers it. What takes too long goes on, and is there when Slack repeats it.
func (l *listener) push(ctx context.Context, env envelope) int {
	ctx, cancel := context.WithTimeout(ctx, l.soon)
	defer cancel()
	taken := make(chan bool, 1)
	l.take(l.people.ctx, env, func(stored bool) { taken <- stored })
	select {
	case stored := <-taken:
		if stored {
			return http.StatusOK
		}
	case <-ctx.Done():
	}
	return http.StatusServiceUnavailable
}
