package avatartest

import (
	"errors"
	"fmt"
	"strings"
)

// replyChecks hold for every backend.
var replyChecks = []check{
	{"a turn is answered with its reply", oneReply},
	{"a turn without a name and a callback is answered", bareTurn},
	{"any text is answered", anyText},
	{"turns in parallel get their own replies", parallelTurns},
	{"a reply that cannot be stored fails the turn", unstoredReply},
}

func oneReply(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	t := e.turn("Good evening, Luna")
	if err := e.answers(t); err != nil {
		return err
	}
	t.ID, t.Text = e.turn("").ID, "And good night" // the same conversation goes on
	return e.answers(t)
}

func bareTurn(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	t := e.turn("Is anybody there")
	t.UserName, t.Locale = "", ""
	if !e.h.Later {
		t.Callback = ""
	}
	return e.answers(t)
}

// oddTexts are what people write, and what breaks hand-made JSON, forms and headers.
var oddTexts = []string{
	"x", `"quoted" \ and {"text":"not me"}`, "two\nlines\r\nand\ttabs", "Zażółć gęślą jaźń 👩‍👩‍👧‍👦 你好", "<b>bold</b> & *bold* & `code`",
	"a NUL \x00 and \u2028 and \ufeff", strings.Repeat("long ", 5000) + "text",
}

func anyText(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	for _, text := range oddTexts {
		if err := e.answers(e.turn(text)); err != nil {
			return fmt.Errorf("%.40q: %w", text, err)
		}
	}
	return nil
}

func parallelTurns(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	const n = 64
	errs := make(chan error, n)
	for i := range n {
		t := e.turn(fmt.Sprintf("I am number <%d>", i))
		e.asks.Go(func() { errs <- e.answers(t) })
	}
	var all error
	for range n {
		all = errors.Join(all, <-errs)
	}
	return all
}

var errNotStored = errors.New("the disk is full")

func unstoredReply(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	ear := &Ear{}
	ear.Fail(errNotStored)
	if e.h.Later {
		return e.storedLater(ear)
	}
	if err := e.ask(e.ctx, e.turn("Remember me"), ear); err == nil && ear.Tried() > 0 {
		return errors.New("Say failed and Ask returned nil: the reply is lost")
	}
	return nil
}
