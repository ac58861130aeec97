package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

func TestTheBridgeKeepsTheContract(t *testing.T) {
	bridgetest.Run(t, bridgetest.Harness{Pushed: true, Fed: true, Start: startPage})
}

// startPage opens a page, which sends what is written on it as the real one does: one after the other, each again until it is taken or refused.
func startPage(t *testing.T) bridgetest.Platform {
	t.Helper()
	p := &onePage{token: tokens.issue(), wake: make(chan struct{}, 1), posted: map[string][]bridges.Item{}}
	srv := httptest.NewServer(http.HandlerFunc(p.serve))
	ctx, stop := context.WithCancel(context.Background())
	p.url, p.client = srv.URL, &http.Client{Transport: &http.Transport{}}
	var sending sync.WaitGroup
	sending.Go(func() { p.send(ctx) })
	t.Cleanup(func() {
		stop()
		sending.Wait()
		p.client.CloseIdleConnections()
		srv.Close()
	})
	return p
}

// A letter is one request of the page.
type letter struct {
	path, kind string
	body       []byte
}

// onePage is a platform with one visitor, whose direct chat is all there is.
type onePage struct {
	token  string
	url    string
	client *http.Client
	now    atomic.Pointer[Bridge]
	wake   chan struct{} // holds one: there is something to send

	mu      sync.Mutex
	written int
	waiting []letter
	changed chan struct{} // closed at the next change
	posted  map[string][]bridges.Item
}

var _ bridgetest.Platform = (*onePage)(nil)

func (p *onePage) serve(w http.ResponseWriter, r *http.Request) {
	if b := p.now.Load(); b != nil {
		b.Site().ServeHTTP(w, r)
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
}

// send empties the outbox.
func (p *onePage) send(ctx context.Context) {
	for {
		p.mu.Lock()
		var next *letter
		if len(p.waiting) > 0 {
			next = &p.waiting[0]
		}
		p.mu.Unlock()
		wake, again := p.wake, (<-chan time.Time)(nil)
		if next != nil && p.sent(ctx, *next) {
			p.mu.Lock()
			p.waiting = p.waiting[1:]
			p.tell()
			p.mu.Unlock()
			continue
		}
		if next != nil {
			wake, again = nil, time.After(5*time.Millisecond)
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-again:
		}
	}
}

// sent reports whether the page need not send l again.
func (p *onePage) sent(ctx context.Context, l letter) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/chat/site/"+l.path, bytes.NewReader(l.body))
	if err != nil {
		return true
	}
	req.Header.Set("Content-Type", l.kind)
	req.Header.Set("Cookie", cookieName+"site="+p.token)
	resp, err := p.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests
}

func (p *onePage) put(all ...letter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = append(p.waiting, all...)
	p.tell()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// tell is called with mu held.
func (p *onePage) tell() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// Account implements bridgetest.Platform.
func (p *onePage) Account() string { return "web:site" }

// New implements bridgetest.Platform.
func (p *onePage) New(log *slog.Logger) bridges.Bridge {
	b, err := New(settings(), &kept{}, log)
	if err != nil {
		panic(err) // the settings are the tests' own
	}
	p.now.Store(b)
	return &fedBridge{b, p}
}

// NewRefused implements bridgetest.Platform: there is no token, so nobody asks.
func (p *onePage) NewRefused(log *slog.Logger) bridges.Bridge { return p.New(log) }

// Secrets implements bridgetest.Platform.
func (p *onePage) Secrets() []string { return []string{p.token} }

// Place implements bridgetest.Platform.
func (p *onePage) Place(bridgetest.Where) bridges.Place {
	return bridges.Place{Channel: string(visitorOf(p.token)), Direct: true}
}

// Write implements bridgetest.Platform.
func (p *onePage) Write(_ bridgetest.Where, text string) {
	p.mu.Lock()
	p.written++
	id := fmt.Sprint("m", p.written)
	p.mu.Unlock()
	body, err := json.Marshal(words{ID: id, Text: text, Name: "Anna", Locale: "en"})
	if err != nil {
		panic(err) // texts can always be written
	}
	p.put(letter{"messages", "application/json", body})
}

// WriteBot implements bridgetest.Platform: no bot has a browser.
func (p *onePage) WriteBot(string) {}

// WriteBad implements bridgetest.Platform.
func (p *onePage) WriteBad() {
	for _, body := range []string{"", "{", "null", "[]", `"text"`, `{"id":7,"text":{}}`, `{"id":"x y","text":"bad id"}`, `{"text":"no id"}`, `{"id":"a","text":" "}`,
		"{\"id\":\"b\",\"text\":\"\xff\xfe\"}", `{"id":"c","text":"` + string(bytes.Repeat([]byte("x"), 20_000)) + `"}`} {
		p.put(letter{"messages", "application/json", []byte(body)}, letter{"messages", "text/plain", []byte(body)}, letter{"reset", "application/json", []byte(`{"id":""}`)},
			letter{"voice?id=", "audio/ogg", []byte(body)})
	}
}

// Unacknowledged implements bridgetest.Platform.
func (p *onePage) Unacknowledged() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiting)
}

// WaitFor implements bridgetest.Platform.
func (p *onePage) WaitFor(ctx context.Context, done func() bool) error {
	for {
		p.mu.Lock()
		if p.changed == nil {
			p.changed = make(chan struct{})
		}
		next := p.changed
		p.mu.Unlock()
		if done() {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var tag = regexp.MustCompile(`<[^>]*>`)

// Posted implements bridgetest.Platform: what the page makes of the feed, without its mark-up.
func (p *onePage) Posted(w bridgetest.Where) []string {
	place := p.Place(w)
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, it := range p.posted[place.Channel] {
		if s, ok := shownItem(&it, visitorOf(p.token)); ok && s.HTML != nil {
			all = append(all, html.UnescapeString(tag.ReplaceAllString(*s.HTML, "")))
		}
	}
	return all
}

// Trouble, Calm, Offline and Online implement bridgetest.Platform: posting makes no calls.
func (p *onePage) Trouble(bridgetest.Trouble) {}
func (p *onePage) Calm()                      {}
func (p *onePage) Offline()                   {}
func (p *onePage) Online()                    {}

// fedBridge puts what was sent into the feed, as the relay does.
type fedBridge struct {
	*Bridge
	page *onePage
}

func (f *fedBridge) Send(ctx context.Context, m bridges.Message) (string, error) {
	id, err := f.Bridge.Send(ctx, m)
	if err == nil {
		f.page.mu.Lock()
		defer f.page.mu.Unlock()
		feed := f.page.posted[m.Place.Channel]
		f.page.posted[m.Place.Channel] = append(slices.Clip(feed), bridges.Item{ID: int64(len(feed) + 1), At: time.Now(), Post: id, Form: m.Forms[0]})
		f.page.tell()
	}
	return id, err
}
