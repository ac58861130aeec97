package avatartest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"

	"avatarbridge/avatar"
)

// heardAs is what came of one callback.
type heardAs struct {
	status int
	body   string
	said   []avatar.Reply
	tried  int
}

// callback serves one callback with the handler itself. change may alter the request before; the ear fails with fail.
func (e *env) callback(s Spoken, fail error, change func(*http.Request)) (heardAs, error) {
	ear := &Ear{}
	ear.Fail(fail)
	w := &answerWriter{header: make(http.Header)}
	if err := e.serve(w, s, ear, change); err != nil {
		return heardAs{}, err
	}
	h := heardAs{status: w.status(), body: w.body.String(), said: ear.Replies(), tried: ear.Tried()}
	if h.status/100 == 2 && h.tried == 0 && fail == nil {
		return h, fmt.Errorf("answered %d, and nothing was said", h.status)
	}
	return h, e.tells(h.body, s.Text)
}

func (e *env) serve(w http.ResponseWriter, s Spoken, ear avatar.Speaker, change func(*http.Request)) error {
	r, err := e.Service.(Caller).Callback(e.ctx, "http://bot.example.com/avatars/luna/callback/token", s)
	if err != nil {
		return err
	}
	if change != nil {
		change(r)
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	e.Backend.(avatar.Listener).Handler(ear).ServeHTTP(w, r)
	return nil
}

// refuses says what is wrong if a callback is not refused with one of the statuses, unsaid.
func (b *bench) refuses(s Spoken, change func(*http.Request), statuses ...int) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	h, err := e.callback(s, nil, change)
	switch {
	case err != nil:
		return err
	case h.tried > 0:
		return fmt.Errorf("it was said: %.200q", fmt.Sprint(h.said))
	case !slices.Contains(statuses, h.status):
		return fmt.Errorf("answered %d, not one of %d", h.status, statuses)
	}
	return nil
}

type speakerFunc func() error

func (f speakerFunc) Say(context.Context, avatar.Reply) error { return f() }

// Draft is not called: a callback brings whole replies.
func (f speakerFunc) Draft(string) {}

// answerWriter keeps what a handler answers and when it began to.
type answerWriter struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (w *answerWriter) Header() http.Header { return w.header }

func (w *answerWriter) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
	}
}

func (w *answerWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

func (w *answerWriter) status() int {
	if w.code == 0 {
		return http.StatusOK
	}
	return w.code
}
