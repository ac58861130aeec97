package slack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

func serve(t *testing.T, l *ledger.Ledger, h wire.Hooks) *Server {
	t.Helper()
	s, err := New(0, l, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

type answered struct {
	OK       bool
	Error    string
	URL, TS  string
	More     bool `json:"has_more"`
	Messages []struct {
		TS, Text string
		Bot      string `json:"bot_id"`
		Metadata struct {
			Payload struct{ ID string } `json:"event_payload"`
		}
	}
	Meta struct {
		Cursor string `json:"next_cursor"`
	} `json:"response_metadata"`
}

// call calls a method, with arguments in turn.
func call(t *testing.T, s *Server, method string, args ...string) (a answered) {
	t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(args); i += 2 {
		form.Set(args[i], args[i+1])
	}
	res, err := http.PostForm(s.URL()+"/api/"+method, form)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return a
}

type envelope struct {
	Type    string
	ID      string `json:"envelope_id"`
	Retry   int    `json:"retry_attempt"`
	Payload struct {
		Event struct {
			Type, Text, TS, Channel string
			Thread                  string `json:"thread_ts"`
			Bot                     string `json:"bot_id"`
		}
	}
}

// A socket is the app's.
type socket struct {
	t  *testing.T
	ws *websocket.Conn
}

func connect(t *testing.T, s *Server) socket {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial(call(t, s, "apps.connections.open").URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	c := socket{t, ws}
	if e := c.next(); e.Type != "hello" {
		t.Fatalf("it begins with %+v", e)
	}
	return c
}

func (c socket) next() (e envelope) {
	c.t.Helper()
	if err := c.ws.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	if err := c.ws.ReadJSON(&e); err != nil {
		c.t.Fatal(err)
	}
	return e
}

func (c socket) acknowledge(e envelope) {
	c.t.Helper()
	if err := c.ws.WriteJSON(map[string]string{"envelope_id": e.ID}); err != nil {
		c.t.Fatal(err)
	}
}

func TestEventsOfAConversationWaitForEachOther(t *testing.T) {
	acknowledged := make(chan struct{}, 9)
	s := serve(t, ledger.New(9, 2), wire.Hooks{Step: func(step string) {
		if step == Acknowledged {
			acknowledged <- struct{}{}
		}
	}})
	c := connect(t, s)
	s.Write(4, 0) // a mention that opens a thread: two events
	s.Write(4, 1)
	root := ""
	for i, want := range []string{"app_mention m4.0.", "message m4.0.", "app_mention m4.1.", "message m4.1."} {
		e := c.next()
		m := e.Payload.Event
		if got := m.Type + " " + strings.TrimPrefix(m.Text, "<@"+s.bot+"> "); !strings.HasPrefix(got, want) || e.Retry != 0 {
			t.Errorf("%q came in place of %q: %+v", got, want, e)
		}
		if root == "" {
			root = m.TS
		}
		if thread := m.Thread; i < 2 && thread != "" || i >= 2 && thread != root {
			t.Errorf("%q is in the thread %q", want, thread)
		}
		c.acknowledge(e)
		c.acknowledge(e) // says nothing new
		<-acknowledged
	}
	if s.Unconfirmed() != 0 {
		t.Errorf("%d events are left", s.Unconfirmed())
	}
}

func TestWhatASocketLeavesIsSentAgainOnAnother(t *testing.T) {
	s := serve(t, ledger.New(2, 1), wire.Hooks{})
	c := connect(t, s)
	s.Write(0, 0)
	lost := c.next()
	c.ws.Close()
	c = connect(t, s)
	e := c.next()
	if e.Retry != 1 || e.ID == lost.ID || e.Payload.Event.TS != lost.Payload.Event.TS {
		t.Errorf("%+v came again as %+v", lost, e)
	}
	// Nobody acknowledges that one either, and the socket stays.
	if e := c.next(); e.Retry != 2 || s.Unconfirmed() != 1 {
		t.Errorf("%+v came for the third time, %d are left", e, s.Unconfirmed())
	}
}

func TestPostsCanBeFoundByTheirMetadata(t *testing.T) {
	l := ledger.New(9, 3)
	s := serve(t, l, wire.Hooks{})
	for _, chat := range []int{0, 4} {
		for n := range 3 {
			s.Write(chat, n)
		}
	}
	s.mu.Lock()
	root := string(appendTS(nil, s.talks[4].root()))
	s.mu.Unlock()
	for _, c := range []struct {
		chat, thread string
		n            int
		method       string
	}{{channelOf(0), "", 0, "conversations.history"}, {channelOf(4), root, 4, "conversations.replies"}} {
		a := call(t, s, "chat.postMessage", "channel", c.chat, "thread_ts", c.thread, "text", fmt.Sprintf("r%d.0. Fine & well", c.n),
			"metadata", `{"event_type":"avatarbridge_post","event_payload":{"id":"post-7"}}`)
		if !a.OK || a.TS == "" {
			t.Fatalf("%+v", a)
		}
		found, pages, cursor := "", 0, ""
		for pages == 0 || cursor != "" {
			page := call(t, s, c.method, "channel", c.chat, "ts", c.thread, "limit", "2", "cursor", cursor, "include_all_metadata", "1")
			for _, m := range page.Messages {
				if m.Metadata.Payload.ID == "post-7" && m.Bot != "" {
					found = m.TS
				}
			}
			if cursor = page.Meta.Cursor; page.More != (cursor != "") || pages > 5 {
				t.Fatalf("page %d: %+v", pages, page)
			}
			pages++
		}
		if found != a.TS || pages < 2 {
			t.Errorf("%s: post %s was found as %q in %d pages", c.method, a.TS, found, pages)
		}
	}
	if a := call(t, s, "conversations.history", "channel", channelOf(4)); len(a.Messages) != 1 || a.Messages[0].TS != root {
		t.Errorf("a channel shows of a thread %+v", a.Messages)
	}
	if sum := l.Sum(); sum.Answered != 2 || sum.Strange != 0 || sum.Notices != 0 {
		t.Errorf("%+v", sum)
	}
	if a := call(t, s, "chat.postMessage", "channel", channelOf(4), "text", "r4.0."); a.OK || l.Sum().Doubled != 0 {
		t.Errorf("a post outside of the thread: %+v", a)
	}
}

func TestTheMethodsOfAnApp(t *testing.T) {
	s := serve(t, ledger.New(1, 1), wire.Hooks{})
	for _, method := range []string{"auth.test", "users.info", "conversations.info", "users.conversations", "chat.update", "chat.delete", "assistant.threads.setStatus"} {
		if a := call(t, s, method, "user", person(0), "channel", channelOf(0)); !a.OK {
			t.Errorf("%s: %+v", method, a)
		}
	}
	if a := call(t, s, "admin.everything"); a.OK || a.Error != "unknown_method" {
		t.Errorf("%+v", a)
	}
}
