package web

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

// put puts items into a visitor's feed and tells of it.
func (w *world) put(v visitor, items ...bridges.Item) {
	w.rx.Put(string(v), items...)
	w.b.News(w.b.place(v))
}

func mine(v visitor, id int64, client, text string) bridges.Item {
	return bridges.Item{ID: id, At: time.UnixMilli(1000 + id), Key: string(v) + "/" + client, Text: text}
}

func TestAStreamBringsTheBacklogAndThenWhatIsNew(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	v := anna.id()
	w.rx.Put(string(v), mine(v, 4, "m1", "hello <b>"), w.reply(5, "**Hi** there"))
	tap := anna.listen("/chat/site/events")
	if got := tap.item(); got.ID != 4 || got.Kind != "mine" || got.Key != "m1" || got.Text != "hello <b>" || got.At != 1004 || got.HTML != nil {
		t.Errorf("the first item is %+v", got)
	}
	if got := tap.item(); got.ID != 5 || got.Kind != "reply" || *got.HTML != "<p><strong>Hi</strong> there</p>" || got.Key != "" {
		t.Errorf("the second item is %+v", got)
	}
	tap.want("ready")
	notice := w.reply(7, "One moment")
	notice.Notice = true
	voice := mine(v, 8, "v1", "")
	voice.Voice = true
	w.put(v, notice)
	w.put(v, voice)
	if got := tap.item(); got.ID != 7 || got.Kind != "notice" {
		t.Errorf("the third item is %+v", got)
	}
	if got := tap.item(); got.ID != 8 || got.Kind != "mine" || !got.Voice {
		t.Errorf("the fourth item is %+v", got)
	}
}

func TestAStreamOpensWithItsVersionAndHeaders(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	resp := anna.do(http.MethodGet, "/chat/site/events", nil)
	if c := resp.Header.Get("Cache-Control"); c != "no-store" || resp.Header.Get("X-Accel-Buffering") != "no" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the headers are %v", resp.Header)
	}
	lines := bufio.NewScanner(resp.Body)
	var got []string
	for len(got) < 4 && lines.Scan() {
		got = append(got, lines.Text())
	}
	want := []string{"retry: 1000", "", "event: hello", `data: {"assets":"` + w.b.files.hash + `","now":`}
	if len(got) != 4 || got[0] != want[0] || got[2] != want[2] || !strings.HasPrefix(got[3], want[3]) {
		t.Errorf("the stream opens with %q", got)
	}
}

func TestAVisitorSeesNothingOfAnother(t *testing.T) {
	w := newWorld(t)
	anna, ben := w.visitor(), w.visitor()
	tapA, tapB := anna.listen("/chat/site/events"), ben.listen("/chat/site/events")
	tapA.want("ready")
	tapB.want("ready")
	w.put(anna.id(), w.reply(1, "for Anna"))
	tapA.item()
	if _, err := w.b.Draft(w.waiting(), bridges.Draft{Place: w.b.place(anna.id()), Text: "for Anna"}); err != nil {
		t.Fatal(err)
	}
	tapA.want("draft")
	w.put(ben.id(), w.reply(2, "for Ben"))
	if got := tapB.item(); got.ID != 2 {
		t.Errorf("Ben's first item is %+v", got)
	}
}

func TestASoundFollowsItsReply(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	tap := anna.listen("/chat/site/events")
	tap.want("ready")
	pieces := w.b.Fit(bridges.Message{Text: "listen", Audio: &bridges.Audio{Source: "s1", Mode: bridges.AudioNative}})
	for i, p := range pieces {
		id, err := w.b.Send(w.waiting(), p)
		if err != nil {
			t.Fatal(err)
		}
		w.put(anna.id(), bridges.Item{ID: int64(i + 1), Post: id, Form: p.Forms[0]})
	}
	if got := tap.item(); got.Audio != nil || got.HTML == nil {
		t.Errorf("the text is %+v", got)
	}
	if got := tap.item(); got.Audio == nil || got.Audio.Src != "/media/s1" || got.Audio.Type != "audio/mpeg" || got.HTML != nil || got.Kind != "reply" {
		t.Errorf("the sound is %+v", got)
	}
}

// An item that an older or newer version stored, or that somebody changed, must not end the stream, nor lead the page elsewhere.
func TestAnItemThatCannotBeShownIsPassedOver(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	tap := anna.listen("/chat/site/events")
	tap.want("ready")
	w.put(anna.id(),
		bridges.Item{ID: 1, Post: "p", Form: bridges.Form{Kind: "hologram", Text: "x"}},
		bridges.Item{ID: 2, Post: "p", Form: bridges.Form{Kind: formSay, Text: "{"}},
		bridges.Item{ID: 3, Post: "https://evil.example.com/x audio/mpeg", Form: bridges.Form{Kind: formSound}},
		bridges.Item{ID: 4, Post: "//evil.example.com/x audio/mpeg", Form: bridges.Form{Kind: formSound}},
		bridges.Item{ID: 5, Post: "", Form: bridges.Form{Kind: formSound}},
		w.reply(6, "fine"))
	if got := tap.item(); got.ID != 6 {
		t.Errorf("got %+v", got)
	}
}

func TestAQuietStreamShowsSignsOfLife(t *testing.T) {
	w := stillWorld(t)
	w.b.heartbeat = 20 * time.Millisecond
	w.run()
	anna := w.visitor()
	tap := anna.listen("/chat/site/events")
	for beats := 0; beats < 3; {
		select {
		case e, ok := <-tap.events:
			if !ok {
				t.Fatal("the stream has ended")
			}
			if e.name == "beat" {
				beats++
			}
		case <-time.After(patience):
			t.Fatal("no sign of life comes")
		}
	}
}

// failing is a receiver whose feed cannot be read.
type failing struct {
	*bridgetest.Receiver
	mu  sync.Mutex
	err error
}

func (f *failing) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *failing) Feed(ctx context.Context, p bridges.Place, from bridges.Person, after int64, n int) ([]bridges.Item, error) {
	f.mu.Lock()
	err := f.err
	f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return f.Receiver.Feed(ctx, p, from, after, n)
}

func TestAFeedThatCannotBeReadEndsTheStream(t *testing.T) {
	w := stillWorld(t)
	rx := &failing{Receiver: w.rx}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = w.b.Run(ctx, rx) })
	defer running.Wait()
	defer cancel()
	if err := w.rx.WaitFor(w.waiting(), func() bool { return len(w.rx.Healths()) > 0 }); err != nil {
		t.Fatal(err)
	}
	anna := w.visitor()
	tap := anna.listen("/chat/site/events")
	tap.want("ready")
	rx.fail(errors.New("the disk is gone"))
	w.put(anna.id(), w.reply(1, "x"))
	tap.ended()
	if got := read(w, anna.do(http.MethodGet, "/chat/site/events", nil)); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("answered with %+v", got)
	}
	rx.fail(nil)
	if got := anna.listen("/chat/site/events").item(); got.ID != 1 {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(w.logs.String(), "the disk is gone") {
		t.Error("the log does not say why")
	}
}

func TestStreamsEndAtOnceWhenRunEnds(t *testing.T) {
	w := newWorld(t)
	var taps []*tap
	for range 20 {
		tap := w.visitor().listen("/chat/site/events")
		tap.want("ready")
		taps = append(taps, tap)
	}
	begun := time.Now()
	if err := w.stop(); err != nil {
		t.Errorf("Run returned %v", err)
	}
	for _, tap := range taps {
		tap.ended()
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the end took %v", took)
	}
	if w.b.hub.open != 0 || len(w.b.hub.visitors) != 0 || len(w.b.hub.addresses) != 0 {
		t.Errorf("the bridge still knows of %d pages", w.b.hub.open)
	}
}
