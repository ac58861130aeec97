package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// A page is a chat page whose answers the test gives.
type page struct {
	t       *testing.T
	posts   chan string // what was posted
	answers chan int    // to posts
	streams chan string // the ids of the last item with which streams were opened
	events  chan string // to be sent on the stream; "" ends it
}

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := p.t
	if c := r.Header.Get("Cookie"); r.URL.Path != "/chat/web0" && c != "visitor=1" {
		t.Errorf("%s comes with the cookie %q", r.URL.Path, c)
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /chat/web0":
		http.SetCookie(w, &http.Cookie{Name: "visitor", Value: "1", Path: "/"})
	case "POST /chat/web0/messages":
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Sec-Fetch-Site") != "same-origin" {
			t.Errorf("%v, headers %v", err, r.Header)
		}
		p.posts <- string(body)
		select {
		case status := <-p.answers:
			w.WriteHeader(status)
		case <-r.Context().Done():
		}
	case "GET /chat/web0/events":
		p.streams <- r.Header.Get("Last-Event-ID")
		fmt.Fprint(w, "retry: 1000\n\nevent: ready\ndata: {}\n\n")
		for {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			select {
			case e := <-p.events:
				if e == "" {
					return
				}
				fmt.Fprint(w, e)
			case <-r.Context().Done():
				return
			}
		}
	default:
		t.Errorf("%s %s", r.Method, r.URL)
	}
}

// open is a page and its people.
func open(t *testing.T, l *ledger.Ledger, h wire.Hooks) (*page, *Server) {
	p := &page{t: t, posts: make(chan string, 10), answers: make(chan int), streams: make(chan string, 10), events: make(chan string)}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	s, err := New(l, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.CallAt(server.URL, "web0")
	return p, s
}

func item(id int, kind, text string) string {
	return fmt.Sprintf("event: item\nid: %d\ndata: {\"id\":%d,\"at\":1,\"kind\":%q,\"html\":\"<p>%s</p>\\n\"}\n\n", id, id, kind, text)
}

func TestAMessageIsPostedUntilItIsTakenAndTheNextWaits(t *testing.T) {
	taken := make(chan struct{}, 10)
	p, s := open(t, ledger.New(1, 2), wire.Hooks{Step: func(step string) {
		if step == MessageTaken {
			taken <- struct{}{}
		}
	}})
	s.Write(0, 0)
	s.Write(0, 1)
	first := <-p.posts
	if !strings.HasPrefix(first, `{"id":"key-0","text":"m0.0. `) {
		t.Errorf("the first is %s", first)
	}
	p.answers <- 503
	if again := <-p.posts; again != first {
		t.Errorf("after a refusal came %s", again)
	}
	p.answers <- 202
	<-taken
	if next := <-p.posts; !strings.HasPrefix(next, `{"id":"key-1","text":"m0.1. `) || s.Unconfirmed() != 1 {
		t.Errorf("the next is %s, and %d are unconfirmed", next, s.Unconfirmed())
	}
	p.answers <- 202
	<-taken
	if n := s.Unconfirmed(); n != 0 {
		t.Errorf("%d are unconfirmed", n)
	}
}

func TestAStreamGoesOnBehindItsLastItem(t *testing.T) {
	l := ledger.New(1, 2)
	steps, first := make(chan string, 100), make(chan [2]int, 10)
	p, s := open(t, l, wire.Hooks{Step: func(step string) { steps <- step }, Posted: func(chat, n int) { first <- [2]int{chat, n} }})
	if err := s.Enter(t.Context(), []int{0}); err != nil {
		t.Fatal(err)
	}
	if last := <-p.streams; last != "" {
		t.Errorf("the first stream begins behind %q", last)
	}
	l.Written(0, 0)
	p.events <- item(7, "mine", "m0.0. ")
	p.events <- item(8, "reply", "r0.0. How are you?")
	if got := <-first; got != [2]int{0, 0} {
		t.Errorf("the reply is to %v", got)
	}
	p.events <- item(9, "notice", "Not now.")
	p.events <- ""
	if last := <-p.streams; last != "9" {
		t.Errorf("the second stream begins behind %q", last)
	}
	p.events <- item(8, "reply", "r0.0. How are you?")
	for replies := 0; replies < 2; {
		if <-steps == ReplyStreamed {
			replies++
		}
	}
	if sum := l.Sum(); sum.Answered != 1 || sum.Doubled != 1 || sum.Notices != 1 || sum.Strange != 0 {
		t.Errorf("%+v", sum)
	}
}

func TestAPageHearsOnceItGivesACookie(t *testing.T) {
	heard := make(chan struct{})
	loads := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, ok := <-loads; !ok {
			http.SetCookie(w, &http.Cookie{Name: "visitor", Value: "1"})
		}
	}))
	defer server.Close()
	s, err := New(ledger.New(1, 1), wire.Hooks{Polled: func() { close(heard) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.CallAt(server.URL, "web0")
	s.Knock()
	s.Knock() // one is enough
	for range 2 {
		loads <- struct{}{}
		select {
		case <-heard:
			t.Fatal("a page without a cookie hears")
		default:
		}
	}
	close(loads)
	<-heard
}

func TestNobodyStaysWhenThePageIsGone(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	s, err := New(ledger.New(1, 2), wire.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	s.CallAt(gone.URL, "web0")
	s.Knock()
	s.Write(0, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Enter(ctx, []int{0}); err == nil {
		t.Error("somebody is on a page that is not there")
	}
	s.Close() // returns
	s.Write(0, 1)
	if n := s.Unconfirmed(); n != 2 {
		t.Errorf("%d are unconfirmed", n)
	}
}
