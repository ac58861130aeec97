package avatartest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"avatarbridge/avatar"
)

// listenerChecks hold for every Listener.
var listenerChecks = []check{
	{"a later reply reaches its conversation", laterReply},
	{"a callback is said, with a key that its repeat has too", callbackSaid},
	{"a callback is answered only after its reply is stored", callbackAfterSay},
	{"a callback that cannot be stored is answered 503", callbackNotStored},
	{"a callback to an ended conversation is answered 404", callbackGone},
	{"a callback of 5 MB is answered 413", callbackTooLarge},
	{"a callback that makes no sense is refused", callbackNonsense},
}

// signedChecks hold for Listeners whose service signs.
var signedChecks = []check{
	{"a forged callback is answered 401", callbackForged},
	{"an old callback is answered 401", callbackOld},
	{"an unsigned callback is answered 401", callbackUnsigned},
}

// laterReply posts over a real connection to the callback that the service was told.
func laterReply(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	t, other, ear, otherEar := e.turn("Think about it"), e.turn("Do nothing"), &Ear{}, &Ear{}
	if err := errors.Join(e.ask(e.ctx, t, ear), e.ask(e.ctx, other, otherEar)); err != nil {
		return err
	}
	if e.h.Later {
		if err := errors.Join(e.hears(ear, 1), e.hears(otherEar, 1)); err != nil {
			return err
		}
	}
	before, otherBefore := len(ear.Replies()), len(otherEar.Replies())
	heard := e.Service.Heard()
	if len(heard) != 2 || heard[0].Callback != t.Callback {
		return fmt.Errorf("the service was told the callback %q, not %q", heard[0].Callback, t.Callback)
	}
	ctx, cancel := context.WithTimeout(e.ctx, e.patience())
	defer cancel()
	r, err := e.Service.(Caller).Callback(ctx, heard[0].Callback, Spoken{Key: "msg_1", Text: "Now I know"})
	if err != nil {
		return err
	}
	r.Close = true
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	switch replies := ear.Replies(); {
	case resp.StatusCode/100 != 2 || len(replies) != before+1:
		return fmt.Errorf("answered %d, %d replies said", resp.StatusCode, len(replies)-before)
	case replies[before].Text != "Now I know":
		return fmt.Errorf("said %q", replies[before].Text)
	case len(otherEar.Replies()) != otherBefore:
		return errors.New("said in another conversation")
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
	return b.whenSayFails(fmt.Errorf("say: %w", avatar.ErrGone), http.StatusNotFound)
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
