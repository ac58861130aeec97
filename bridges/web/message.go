package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"avatarbridge/bridges"
	"avatarbridge/bridges/markup"
)

// The forms of what a page makes up. What does not fit is refused, or left out where it is only nice to have.
var (
	clientID   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	localeForm = regexp.MustCompile(`^[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8}){0,4}$`)
)

// maxName is how much of a person's name is taken, in bytes.
const maxName = 256

// words is the body of a message or of a command.
type words struct {
	ID     string `json:"id"`
	Text   string `json:"text"`
	Name   string `json:"name"`
	Locale string `json:"locale"`
}

// posted serves what a visitor sends: take makes an event of it, which is acknowledged once it is stored.
func (b *Bridge) posted(take func(http.ResponseWriter, *http.Request) (bridges.Event, *refusal)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if refused := b.hear(w, r, take); refused != nil {
			refused.write(w)
			return
		}
		answer(w, http.StatusAccepted, []byte("{}"))
	}
}

func (b *Bridge) hear(w http.ResponseWriter, r *http.Request, take func(http.ResponseWriter, *http.Request) (bridges.Event, *refusal)) *refusal {
	if b.cross.Check(r) != nil {
		return &refuseOrigin
	}
	if b.session.Load() == nil {
		return &refuseStarting
	}
	v, ok := b.visitor(r)
	if !ok {
		return &refuseCookie
	}
	if wait := b.limit.wait(addressOf(r.RemoteAddr), b.now()); wait > 0 {
		refused := refuseBusy.waiting(wait)
		return &refused
	}
	b.hurry(w, b.patience)
	e, refused := take(w, r)
	if refused != nil {
		return refused
	}
	e.Key, e.At, e.Place, e.Addressed = string(v)+"/"+e.Message, b.now(), b.place(v), true
	from := b.person(v)
	from.Name, from.Locale = e.From.Name, e.From.Locale
	e.From = from
	s := b.enter()
	if s == nil {
		return &refuseStarting
	}
	defer s.work.Done()
	ctx, stop := s.within(r.Context())
	defer stop()
	err := s.rx.Receive(ctx, bridges.Batch{Events: []bridges.Event{e}, Refusable: true})
	if many, ok := errors.AsType[*bridges.TooMany](err); ok {
		refused := refuseLimit.waiting(many.After)
		return &refused
	}
	if err != nil {
		b.log.Warn("a message is not stored, and not acknowledged to its page", "error", err)
		return &refuseStoring
	}
	return nil
}

// hurry bounds how long the body may take. A writer that knows no deadlines is a test's. The server sets a new one for the connection's
// next request.
func (b *Bridge) hurry(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d))
}

// takeMessage reads what a visitor wrote.
func (b *Bridge) takeMessage(_ http.ResponseWriter, r *http.Request) (bridges.Event, *refusal) {
	tooLong := refuseText(b.cfg.MaxText)
	// A character takes at most six bytes for each of its units: \u1234. A longer body is too long, or mostly something else.
	in, refused := readWords(r, int64(6*b.cfg.MaxText+4096), &tooLong)
	switch {
	case refused != nil:
		return bridges.Event{}, refused
	case markup.Blank(in.Text):
		return bridges.Event{}, &refuseEmpty
	case markup.Units(in.Text) > b.cfg.MaxText:
		return bridges.Event{}, &tooLong
	}
	return bridges.Event{Kind: bridges.Written, Message: in.ID, Text: in.Text, From: bridges.Person{Name: shortName(in.Name), Locale: locale(in.Locale)}}, nil
}

// takeReset reads that the visitor wants the avatar to forget what was said.
func (b *Bridge) takeReset(_ http.ResponseWriter, r *http.Request) (bridges.Event, *refusal) {
	in, refused := readWords(r, 4096, &refuseBad)
	if refused != nil {
		return bridges.Event{}, refused
	}
	return bridges.Event{Kind: bridges.Command, Command: "reset", Message: in.ID, From: bridges.Person{Name: shortName(in.Name), Locale: locale(in.Locale)}}, nil
}

// readWords reads a body of JSON with an id that may be one.
func readWords(r *http.Request, most int64, tooLong *refusal) (words, *refusal) {
	var in words
	if mediaType(r) != "application/json" {
		return in, &refuseType
	}
	body, refused := readBody(r, most, tooLong)
	if refused != nil {
		return in, refused
	}
	// The decoder would put a question mark in place of what is no UTF-8.
	if !utf8.Valid(body) || json.Unmarshal(body, &in) != nil || !clientID.MatchString(in.ID) {
		return in, &refuseBad
	}
	return in, nil
}

// readBody reads a body of at most so many bytes. Of a longer one it reads as much again, since browsers do not listen before they have
// spoken, and a person should learn why the message was not taken.
func readBody(r *http.Request, most int64, tooLong *refusal) ([]byte, *refusal) {
	body, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &refuseSlow
	case err != nil:
		return nil, &refuseBad
	case int64(len(body)) > most:
		_, _ = io.CopyN(io.Discard, r.Body, most) // the answer is the same
		return nil, tooLong
	}
	return body, nil
}

func mediaType(r *http.Request) string {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return t
}

// shortName is a name as a person writes it, or its beginning.
func shortName(s string) string {
	if s = strings.ToValidUTF8(s, ""); len(s) <= maxName {
		return s
	}
	return strings.ToValidUTF8(s[:maxName], "")
}

func locale(s string) string {
	if !localeForm.MatchString(s) {
		return ""
	}
	return s
}
