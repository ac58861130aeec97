package openai

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"avatarbridge/bridges/fault"
)

const (
	maxText = 256 << 10       // of an answer, with the model's thoughts
	margin  = 2 * time.Second // what of the time for Ask is kept for saying what there is
	linger  = 500 * time.Millisecond
)

var (
	errStalled = errors.New("nothing came for stream_timeout")
	errTooLong = errors.New("the reply did not end")
	errGarbage = errors.New("an event of the stream is no chat completion")
	errCut     = errors.New("the stream ended before the reply did")
)

// A watch ends a call that takes too long.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	pause  *time.Timer // not running before the reply has begun: a model may have to be loaded first
	most   time.Duration
}

// watch bounds a call by reply_timeout and the time that ctx leaves. After stop nothing of it is left.
func (b *Backend) watch(ctx context.Context) (w *watch, stop func()) {
	w = &watch{most: b.cfg.StreamTimeout}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.pause = time.AfterFunc(time.Hour, func() { w.cancel(errStalled) })
	w.pause.Stop()
	whole := b.cfg.ReplyTimeout
	if until, ok := ctx.Deadline(); ok {
		left := time.Until(until)
		if left -= min(margin, left/10); whole <= 0 || left < whole {
			whole = max(left, time.Nanosecond)
		}
	}
	end := func() bool { return true }
	if whole > 0 {
		end = time.AfterFunc(whole, func() { w.cancel(errTooLong) }).Stop
	}
	return w, func() {
		end()
		w.pause.Stop()
		w.cancel(nil)
	}
}

// progress says that a piece came.
func (w *watch) progress() {
	if w.most > 0 {
		w.pause.Reset(w.most)
	}
}

// finish notes that the answer is whole. What is left of the stream is read, so that the connection can be used again, but not for long.
func (w *watch) finish(a *answer) {
	if !a.done {
		a.done = true
		w.pause.Reset(linger)
	}
}

// answer is what came of a completion.
type answer struct {
	text   screen
	read   int    // bytes, with the model's thoughts
	finish string // why it ended, as the service says; "" when it does not
	done   bool   // it came to its end
	early  error  // why it was ended here; nil when it ended itself

	draft func(text string)
	shown string // the last draft
	mute  bool   // what comes may be a thought whose beginning is not seen: it is not shown before the end of one was
}

// add takes a piece of the text, and shows a draft if there is more to see.
func (a *answer) add(piece string) {
	a.read += len(piece)
	a.text.write(piece)
	if a.mute && !a.text.tagged {
		return
	}
	if text := a.text.visible(); text != a.shown && len(text) <= maxReply {
		a.draft(text)
		a.shown = text
	}
}

// hear reads the answer: a stream, whose text is shown while it comes, or a whole completion from a server that does not stream.
func (b *Backend) hear(w *watch, body io.Reader, draft func(string)) (*answer, error) {
	r := bufio.NewReader(body)
	if first, _ := r.Peek(1); string(first) == "{" {
		return b.hearWhole(w, r)
	}
	a, in := &answer{draft: draft, mute: b.veiled.Load()}, newEvents(r)
	for {
		ev, err := in.next()
		if err != nil {
			return a, b.ended(w, a, err)
		}
		if err := b.take(w, a, ev); err != nil && !a.done {
			return nil, err
		}
		if a.read > maxText {
			a.early = errTooLong
			return a, nil
		}
	}
}

// ended says what the end of the stream, or of the patience with it, means.
func (b *Backend) ended(w *watch, a *answer, err error) error {
	late := context.Cause(w.ctx)
	switch {
	case a.done:
		return nil
	case errors.Is(late, errStalled), errors.Is(late, errTooLong):
		a.early = late
		return nil
	case errors.Is(err, errStream):
		a.early = err
		return nil
	case errors.Is(err, errLine):
		return &fault.Outcome{Reason: b.base.Host + " answered with something that is no chat completion", Err: err}
	case errors.Is(err, io.EOF):
		return &fault.Outcome{Reason: b.base.Host + " did not answer to the end", Err: errCut}
	}
	return b.broken(w.ctx, b.base.Host, err)
}

func (b *Backend) hearWhole(w *watch, r io.Reader) (*answer, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err != nil {
		return nil, b.broken(w.ctx, b.base.Host, err)
	}
	if len(body) > maxBody {
		return nil, fault.Kill("the answer of "+b.base.Host+" is larger than 1 MiB and not streamed: see that base_url is right", nil)
	}
	a := &answer{draft: func(string) {}}
	if err := b.take(w, a, event{data: body}); err != nil {
		return nil, err
	}
	a.done = true
	return a, nil
}

// take adds an event's piece to the answer. An error inside of the stream is its error.
func (b *Backend) take(w *watch, a *answer, ev event) error {
	data := bytes.TrimSpace(ev.data)
	if ev.failed != nil {
		return b.outcome(trouble(b.place(chatPath), http.StatusOK, fmt.Appendf(nil, `{"error":%s}`, ev.failed)), nil)
	}
	if len(data) == 0 {
		return nil
	}
	if string(data) == "[DONE]" {
		w.finish(a)
		return nil
	}
	var c chunk
	if err := json.Unmarshal(data, &c); err != nil {
		return &fault.Outcome{Reason: b.base.Host + " answered with something that is no chat completion", Err: errGarbage}
	}
	if c.failed() {
		return b.outcome(trouble(b.place(chatPath), http.StatusOK, data), nil)
	}
	if len(c.Choices) == 0 || a.done {
		return nil
	}
	piece := c.Choices[0]
	text := piece.text()
	if text != "" || piece.thinks() {
		w.progress()
	}
	if piece.thinks() {
		a.mute = false // the server tells thoughts and text apart
	}
	if text != "" {
		a.add(text)
	}
	if piece.Finish != "" {
		a.finish = string(piece.Finish)
		w.finish(a)
	}
	return nil
}
