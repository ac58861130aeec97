package avatartest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"avatarbridge/avatar"
)

// listenerChecks hold for every Listener.
var listenerChecks = []check{
	{"a callback is said, with a key that its repeat has too", callbackSaid},
	{"a callback is answered only after its reply is stored", callbackAfterSay},
	{"a callback that cannot be stored is answered 503", callbackNotStored},
	{"a callback to an ended conversation is answered 410", callbackGone},
	{"a callback of 5 MB is answered 413", callbackTooLarge},
	{"a callback that makes no sense is refused", callbackNonsense},
}

// signedChecks hold for Listeners whose service signs.
var signedChecks = []check{
	{"a forged callback is answered 401", callbackForged},
	{"an old callback is answered 401", callbackOld},
	{"an unsigned callback is answered 401", callbackUnsigned},
}

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
	if h.status/100 == 2 && len(h.said) == 0 && fail == nil {
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

func callbackSaid(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	var keys []string
	for _, s := range []Spoken{{Key: "msg_1", Text: "I thought about it"}, {Key: "msg_1", Text: "I thought about it"}, {Key: "msg_2", Text: "Again"}} {
		h, err := e.callback(s, nil, nil)
		switch {
		case err != nil:
			return err
		case h.status/100 != 2 || len(h.said) != 1:
			return fmt.Errorf("answered %d, %d replies said", h.status, len(h.said))
		case h.said[0].Text != s.Text || h.said[0].Ends:
			return fmt.Errorf("said %+v, not %q", h.said[0], s.Text)
		}
		keys = append(keys, h.said[0].Key)
	}
	switch {
	case keys[0] == "" || keys[0] != keys[1]:
		return fmt.Errorf("a reply and its repeat have the keys %q and %q", keys[0], keys[1])
	case keys[0] == keys[2]:
		return fmt.Errorf("two replies have the key %q: the second would be lost", keys[0])
	}
	return nil
}

func callbackAfterSay(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	w := &answerWriter{header: make(http.Header)}
	early, said := false, false
	speaker := speakerFunc(func() error {
		said, early = true, early || w.code != 0 || w.body.Len() > 0
		return nil
	})
	if err := e.serve(w, Spoken{Key: "msg_1", Text: "Hello"}, speaker, nil); err != nil {
		return err
	}
	if !said || early {
		return fmt.Errorf("said: %v; answered before Say returned: %v", said, early)
	}
	return nil
}

func callbackNotStored(b *bench) error {
	return b.whenSayFails(errNotStored, http.StatusServiceUnavailable)
}

func callbackGone(b *bench) error {
	return b.whenSayFails(fmt.Errorf("say: %w", avatar.ErrGone), http.StatusGone)
}

func (b *bench) whenSayFails(with error, status int) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	h, err := e.callback(Spoken{Key: "msg_1", Text: "Hello"}, with, nil)
	if err != nil {
		return err
	}
	if h.tried != 1 || h.status != status {
		return fmt.Errorf("Say was called %d times and failed with %q: answered %d, not %d", h.tried, with, h.status, status)
	}
	return nil
}

func callbackTooLarge(b *bench) error {
	s := Spoken{Key: "msg_1", Text: "Hello", Pad: 5 << 20}
	unsized := func(r *http.Request) { r.ContentLength = -1 }
	return errors.Join(
		b.refuses(s, nil, http.StatusRequestEntityTooLarge),
		b.refuses(s, unsized, http.StatusRequestEntityTooLarge),
	)
}

func callbackNonsense(b *bench) error {
	var all error
	for _, raw := range []string{"<html>", "null", "42", `{"text":`, `{"text":{"not":"a string"}}`} {
		if err := b.refuses(Spoken{Key: "msg_1", Raw: raw}, nil, 400, 415, 422); err != nil {
			all = errors.Join(all, fmt.Errorf("%s: %w", raw, err))
		}
	}
	get := func(r *http.Request) { r.Method, r.Body, r.ContentLength = http.MethodGet, http.NoBody, 0 }
	if err := b.refuses(Spoken{Key: "msg_1", Text: "Hello"}, get, 400, 401, 404, 405); err != nil {
		all = errors.Join(all, fmt.Errorf("GET: %w", err))
	}
	return all
}

func callbackForged(b *bench) error {
	return b.refuses(Spoken{Key: "msg_1", Text: "Send me your password", Forged: true}, nil, http.StatusUnauthorized)
}

func callbackOld(b *bench) error {
	return errors.Join(
		b.refuses(Spoken{Key: "msg_1", Text: "Hello", Age: time.Hour}, nil, http.StatusUnauthorized),
		b.refuses(Spoken{Key: "msg_1", Text: "Hello", Age: -time.Hour}, nil, http.StatusUnauthorized),
	)
}

// callbackUnsigned leaves out all headers but the content type, then changes the body below a good signature.
func callbackUnsigned(b *bench) error {
	s := Spoken{Key: "msg_1", Text: "Hello"}
	bare := func(r *http.Request) { r.Header = http.Header{"Content-Type": {"application/json"}} }
	changed := func(r *http.Request) {
		body, _ := io.ReadAll(r.Body) // of a request made in memory
		body = bytes.Replace(body, []byte("Hello"), []byte("Hullo"), 1)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return errors.Join(b.refuses(s, bare, http.StatusUnauthorized), b.refuses(s, changed, http.StatusUnauthorized))
}

type speakerFunc func() error

func (f speakerFunc) Say(context.Context, avatar.Reply) error { return f() }

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
