package discord

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
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

type frame struct {
	Op int
	S  int
	T  string
	D  json.RawMessage
}

// A client is a bot's connection to the gateway.
type client struct {
	t  *testing.T
	ws *websocket.Conn
}

// connect opens a connection and begins it with a payload.
func connect(t *testing.T, s *Server, payload string) client {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial(s.gatewayURL()+"/?v=10&encoding=json", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	c := client{t, ws}
	if f := c.next(); f.Op != 10 || !strings.Contains(string(f.D), "heartbeat_interval") {
		t.Fatalf("it begins with %+v", f)
	}
	c.say(payload)
	return c
}

func (c client) say(payload string) {
	c.t.Helper()
	if err := c.ws.WriteMessage(websocket.TextMessage, []byte(payload)); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) next() frame {
	c.t.Helper()
	if err := c.ws.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	var f frame
	if err := c.ws.ReadJSON(&f); err != nil {
		c.t.Fatal(err)
	}
	return f
}

func identify(s *Server) string {
	return fmt.Sprintf(`{"op":2,"d":{"token":%q,"intents":1}}`, s.token)
}

// call makes a call to the API and returns its status and its answer.
func call(t *testing.T, s *Server, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+"/api/v10"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode == 200 && !json.Valid(b) {
		t.Errorf("%s %s: no JSON: %s", method, path, b)
	}
	return res.StatusCode, string(b)
}

// text is the text of a message.
func text(t *testing.T, f frame) string {
	t.Helper()
	var m struct {
		Content string
		Guild   string `json:"guild_id"`
	}
	if err := json.Unmarshal(f.D, &m); f.T != "MESSAGE_CREATE" || err != nil {
		t.Fatalf("%+v is no message: %v", f, err)
	}
	return m.Content
}

func TestASessionIsGoneOnWithWhereItWas(t *testing.T) {
	s := serve(t, ledger.New(8, 3), wire.Hooks{})
	c := connect(t, s, identify(s))
	ready := c.next()
	var d struct {
		Session string `json:"session_id"`
	}
	if err := json.Unmarshal(ready.D, &d); err != nil || ready.T != "READY" || c.next().T != "GUILD_CREATE" {
		t.Fatalf("%+v, %v", ready, err)
	}
	c.say(`{"op":1,"d":2}`)
	if f := c.next(); f.Op != 11 {
		t.Errorf("a heartbeat brings %+v", f)
	}
	s.Write(0, 0)
	if f := c.next(); f.S != 3 || !strings.HasPrefix(text(t, f), "m0.0.") {
		t.Errorf("%+v", f)
	}
	c.ws.Close()
	s.Write(4, 0) // in a channel
	resume := fmt.Sprintf(`{"op":6,"d":{"token":%q,"session_id":%q,"seq":2}}`, s.token, d.Session)
	c = connect(t, s, resume)
	for _, want := range []string{"m0.0.", fmt.Sprintf("<@%d> m4.0.", firstBot)} {
		if got := text(t, c.next()); !strings.HasPrefix(got, want) {
			t.Errorf("%q came in place of %q", got, want)
		}
	}
	if f := c.next(); f.T != "RESUMED" || f.S != 5 {
		t.Errorf("%+v", f)
	}
	s.Forget()
	c = connect(t, s, resume)
	if f := c.next(); f.Op != 9 || string(f.D) != "false" {
		t.Errorf("a session that is forgotten is answered with %+v", f)
	}
}

func TestAnEnforcedNonceMakesOneMessage(t *testing.T) {
	l := ledger.New(8, 1)
	first := make(chan int, 2)
	s := serve(t, l, wire.Hooks{Posted: func(chat, _ int) { first <- chat }})
	s.Write(1, 0)
	path := fmt.Sprintf("/channels/%d/messages", channelOf(1))
	post := func(nonce string) string {
		_, got := call(t, s, "POST", path, fmt.Sprintf(`{"content":"r1.0. How are \"you\"?","nonce":%q,"enforce_nonce":true,"allowed_mentions":{}}`, nonce))
		var m struct{ ID, Content string }
		if err := json.Unmarshal([]byte(got), &m); err != nil || m.Content != `r1.0. How are "you"?` {
			t.Errorf("%s: %v", got, err)
		}
		return m.ID
	}
	one := post("a")
	if again := post("a"); again != one || l.Sum().Doubled != 0 {
		t.Errorf("%s came again as %s: %+v", one, again, l.Sum())
	}
	if other := post("b"); other == one || l.Sum().Doubled != 1 {
		t.Errorf("two posts are %s: %+v", other, l.Sum())
	}
	if chat := <-first; chat != 1 || len(first) != 0 {
		t.Errorf("the first reply was in chat %d, with %d more", chat, len(first))
	}
	s.Break(&wire.Fault{Status: 502})
	if status, _ := call(t, s, "POST", path, `{"content":"r1.0."}`); status != 502 || l.Sum().Doubled != 1 {
		t.Errorf("a post that is refused: %d, %+v", status, l.Sum())
	}
}

func TestAHistoryIsReadOnFromAMessage(t *testing.T) {
	s := serve(t, ledger.New(5, 150), wire.Hooks{})
	for n := range 150 {
		s.Write(4, n)
	}
	after, seen := int64(1), 0
	for _, want := range []int{100, 50, 0} {
		_, got := call(t, s, "GET", fmt.Sprintf("/channels/%d/messages?limit=100&after=%d", channelOf(4), after), "")
		var page []struct {
			ID      int64 `json:",string"`
			Content string
		}
		if err := json.Unmarshal([]byte(got), &page); err != nil || len(page) != want {
			t.Fatalf("%d on a page, want %d: %v", len(page), want, err)
		}
		for i := range page { // the newest comes first
			if m := page[len(page)-1-i]; !strings.Contains(m.Content, fmt.Sprintf("m4.%d.", seen)) || m.ID <= after {
				t.Errorf("message %d is %+v", seen, m)
			} else {
				after = m.ID
			}
			seen++
		}
	}
}

func TestManyPeopleMentionTheBotInEachChannelOfAServer(t *testing.T) {
	people := map[int64]int{}
	for chat := range 1000 {
		if !direct(chat) {
			people[channelOf(chat)]++
		}
	}
	if len(people) != rooms {
		t.Errorf("people of the server write in %d channels, want %d", len(people), rooms)
	}
	for c, n := range people {
		if n < 8 {
			t.Errorf("%d people write in channel %d", n, c)
		}
	}
}

func TestTheRoutesOfABot(t *testing.T) {
	s := serve(t, ledger.New(1, 1), wire.Hooks{})
	commands := fmt.Sprintf("/applications/%d/commands", firstBot)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/users/@me", "", 200, `"bot":true`},
		{"GET", "/gateway/bot", "", 200, `"max_concurrency":1`},
		{"GET", commands, "", 200, "[]"},
		{"PUT", commands, `[{"name":"ask"}]`, 200, "ask"},
		{"GET", commands, "", 200, "ask"},
		{"POST", fmt.Sprintf("/channels/%d/typing", channelOf(0)), "", 204, ""},
		{"GET", fmt.Sprintf("/channels/%d", channelOf(0)), "", 200, `"type":1`},
		{"GET", fmt.Sprintf("/channels/%d", channelOf(4)), "", 200, `"guild_id"`},
		{"GET", fmt.Sprintf("/guilds/%d/members/%d", guild, firstPerson), "", 200, "person0"},
		{"GET", "/channels/7", "", 404, "Unknown Channel"},
		{"GET", "/nothing", "", 404, ""},
	} {
		if status, got := call(t, s, c.method, c.path, c.body); status != c.status || !strings.Contains(got, c.want) {
			t.Errorf("%s %s: %d %s", c.method, c.path, status, got)
		}
	}
}
