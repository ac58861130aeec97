package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"avatarbridge/bridges"
)

const (
	// draftEvery is the shortest time between two versions of a draft: faster than people see words come.
	draftEvery = 80 * time.Millisecond
	// draftSpeed bounds what drafts cost a page, in bytes a second: each version is the whole text, so that of a long one fewer are sent.
	draftSpeed = 100_000
)

// errOver ends a stream without a fault: the page has gone, has another one, or the program stops.
var errOver = errors.New("the stream is over")

// A stream tells one page what is new, in the goroutine of its request. Items are read from the feed and written in the order of their ids,
// from the last one that was written, so News only has to say that there is something.
type stream struct {
	b     *Bridge
	s     *session
	l     *listener
	w     http.ResponseWriter
	out   *http.ResponseController
	last  int64  // id of the last item that the page has
	epoch string // of that id, "" when the page does not say

	wrote    time.Time // when the page last heard something
	drafting time.Time // no draft before
}

// serveEvents serves a page's stream until the page goes or Run's context ends.
func (b *Bridge) serveEvents(w http.ResponseWriter, r *http.Request) {
	s := b.enter()
	if s == nil {
		refuseStarting.write(w)
		return
	}
	defer s.work.Done()
	v, ok := b.visitor(r)
	switch {
	case r.Header.Get("Sec-Fetch-Site") == "cross-site":
		refuseOrigin.write(w)
		return
	case !ok:
		refuseCookie.write(w)
		return
	}
	l := b.hub.join(v, addressOf(r.RemoteAddr), b.now())
	if l == nil {
		refuseOpen.write(w)
		return
	}
	defer b.hub.leave(l)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	st := &stream{b: b, s: s, l: l, w: w, out: http.NewResponseController(w), last: seen(r), epoch: r.URL.Query().Get("epoch")}
	stop := context.AfterFunc(s.ctx, func() {
		cancel()
		_ = st.out.SetWriteDeadline(time.Unix(1, 0)) // a write to a page that does not read ends, too
	})
	defer stop()
	if err := st.run(ctx, r.Method == http.MethodHead); err != nil && ctx.Err() == nil && !errors.Is(err, errOver) {
		b.log.Debug("a page's stream has ended", "error", err)
	}
}

// seen is the id of the last item that the page has.
func seen(r *http.Request) int64 {
	header, _ := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64)
	query, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	return max(header, query, 0)
}

func (st *stream) run(ctx context.Context, headOnly bool) error {
	items, fresh, err := st.backlog(ctx) // the page joined before, so nothing can come in between
	if err != nil {
		refuseStarting.write(st.w)
		return err
	}
	h := st.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would collect what is to be seen at once
	if headOnly {
		return nil
	}
	var out bytes.Buffer
	out.WriteString("retry: 1000\n\n")
	event(&out, "hello", 0, hello{st.b.files.hash, st.b.now().UnixMilli(), st.s.epoch, fresh})
	st.pass(items)
	st.items(&out, items)
	event(&out, "ready", 0, struct{}{})
	if err := st.write(ctx, out.Bytes()); err != nil {
		return err
	}
	out, items = bytes.Buffer{}, nil // a page may be quiet for hours
	timer := time.NewTimer(st.b.heartbeat)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return errOver
		case <-st.l.wake:
		case <-timer.C:
		}
		if err := st.tell(ctx); err != nil {
			return err
		}
		timer.Reset(st.rest())
	}
}

// backlog reads what the page has missed. It is all there is, and fresh, when what the page has got last is not in the feed as it should be: the
// database was restored from a backup, or put in place of another one, or what was said was forgotten.
func (st *stream) backlog(ctx context.Context) (items []bridges.Item, fresh bool, err error) {
	keeps := st.b.cfg.History
	if st.last == 0 {
		items, err = st.feed(ctx, keeps)
		return items, false, err
	}
	if st.epoch == "" || st.epoch == st.s.epoch {
		last := st.last
		st.last = last - 1
		items, err = st.feed(ctx, keeps+1)
		st.last = last
		switch {
		case err != nil:
			return nil, false, err
		case len(items) > 0 && items[0].ID == last:
			return items[1:], false, nil
		case len(items) >= keeps: // so much was said since that the last item is not kept any more
			return items[len(items)-keeps:], false, nil
		}
	}
	st.last = 0
	items, err = st.feed(ctx, keeps)
	return items, true, err
}

// feed reads what is in the feed after the last item.
func (st *stream) feed(ctx context.Context, most int) ([]bridges.Item, error) {
	b, v := st.b, st.l.of
	items, err := st.s.rx.Feed(ctx, b.place(v), b.person(v), st.last, most)
	if err != nil && ctx.Err() == nil {
		b.log.Warn("what is new cannot be read; the page asks again", "error", err)
		return nil, errOver
	}
	return items, err
}

// tell writes what there is to be told, or a sign of life.
func (st *stream) tell(ctx context.Context) error {
	news, over := st.l.takeNews()
	if over {
		return errOver
	}
	var items []bridges.Item
	if news {
		var err error
		if items, err = st.feed(ctx, st.b.cfg.History); err != nil {
			return err
		}
	}
	var out bytes.Buffer
	st.pass(items)
	st.passing(&out)
	st.items(&out, items)
	if out.Len() == 0 {
		if time.Since(st.wrote) < st.b.heartbeat {
			return nil
		}
		out.WriteString(":\n\n")
	}
	return st.write(ctx, out.Bytes())
}

// pass forgets dots and drafts that a reply among items has taken away. A reply that is in the feed was drafted before the feed was read, so
// no draft outlives its reply.
func (st *stream) pass(items []bridges.Item) {
	if slices.ContainsFunc(items, func(it bridges.Item) bool { return it.Key == "" && !it.Notice }) {
		st.l.takeTyping()
		st.l.takeDraft()
	}
}

// passing writes dots and the draft.
func (st *stream) passing(out *bytes.Buffer) {
	if d := st.l.takeTyping(); d > 0 {
		event(out, "typing", 0, typing{d.Milliseconds()})
	}
	if time.Now().Before(st.drafting) {
		return
	}
	if text, ok := st.l.takeDraft(); ok {
		before := out.Len()
		event(out, "draft", 0, draft{toHTML(text)})
		st.drafting = time.Now().Add(time.Duration(out.Len()-before) * time.Second / draftSpeed)
	}
}

// rest is how long to wait before tell is called without a cause.
func (st *stream) rest() time.Duration {
	d := st.b.heartbeat
	if st.l.hasDraft() {
		d = min(d, time.Until(st.drafting))
	}
	return max(d, 0)
}

func (st *stream) items(out *bytes.Buffer, items []bridges.Item) {
	for i := range items {
		if items[i].ID <= st.last {
			continue
		}
		st.last = items[i].ID
		if shown, ok := shownItem(&items[i], st.l.of); ok {
			event(out, "item", shown.ID, shown)
		}
	}
}

// write hands out to the page at once. It fails when the page takes too long to read.
func (st *stream) write(ctx context.Context, out []byte) error {
	// A writer that knows no deadlines is a test's.
	_ = st.out.SetWriteDeadline(time.Now().Add(st.b.patience))
	if ctx.Err() != nil { // asked after the deadline was set, which may have undone the one that ends all writes
		return errOver
	}
	if _, err := st.w.Write(out); err != nil {
		return fmt.Errorf("write to the page: %w", err)
	}
	if err := st.out.Flush(); err != nil {
		return fmt.Errorf("write to the page: %w", err)
	}
	st.wrote = time.Now()
	return nil
}

// event writes one event; id 0 is none.
func event(out *bytes.Buffer, name string, id int64, data any) {
	out.WriteString("event: " + name + "\n")
	if id > 0 {
		out.WriteString("id: " + strconv.FormatInt(id, 10) + "\n")
	}
	out.WriteString("data: ")
	enc := json.NewEncoder(out) // it writes no line break but the one at the end
	enc.SetEscapeHTML(false)
	if enc.Encode(data) != nil {
		out.WriteString("{}\n") // cannot be: data are texts and numbers
	}
	out.WriteString("\n")
}
