package bridgetest_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"avatarbridge/bridges/bridgetest"
)

// client is a small bot: it identifies, beats, answers each message in its channel, and starts again when its connection breaks.
type client struct {
	d     *discord
	shard int
	of    int
}

// run serves one connection until it ends.
func (c *client) run(stop <-chan struct{}) error {
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(c.d.URL(), "http")+"/?v=10&encoding=json", nil)
	if err != nil {
		return err
	}
	defer func() { _ = ws.Close() }()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-stop:
			_ = ws.Close()
		case <-ended:
		}
	}()
	for {
		_, raw, err := ws.ReadMessage()
		if err != nil {
			return err
		}
		var f frame
		if err := json.Unmarshal(raw, &f); err != nil {
			return err
		}
		if err := c.take(ws, f); err != nil {
			return err
		}
	}
}

func (c *client) take(ws *websocket.Conn, f frame) error {
	switch {
	case f.Op == 10:
		return ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"op":2,"d":{"token":%q,"properties":{},"intents":%d,"shard":[%d,%d]}}`,
			c.d.bot.Token, unranked, c.shard, c.of))
	case f.event() == "MESSAGE_CREATE":
		var m dmsg
		if err := json.Unmarshal(f.Data, &m); err != nil || m.Author.ID == c.d.bot.ID {
			return err
		}
		body := fmt.Sprintf(`{"content":"answer to %s","nonce":%q,"enforce_nonce":true}`, m.ID, m.ID)
		_, err := c.d.try("POST", "/channels/"+m.ChannelID+"/messages", "application/json", strings.NewReader(body))
		return err
	}
	return nil
}

func TestManyConnectionsAndChannelsAtOnce(t *testing.T) {
	const shards, each, lines = 8, 6, 5
	d := newDiscord(t, bridgetest.DiscordOptions{MaxConcurrency: 16})
	rooms := []*bridgetest.DiscordChannel{}
	for range shards * each {
		g := d.AddGuild("g", d.bot)
		rooms = append(rooms, d.AddText(g, "room", nil))
		d.Advance(time.Millisecond)
	}
	stop := make(chan struct{})
	var clients, people sync.WaitGroup
	for i := range shards {
		clients.Go(func() { _ = (&client{d, i, shards}).run(stop) })
	}
	if err := d.WaitSessions(soon(t), d.bot, shards); err != nil {
		t.Fatal(err)
	}
	for _, room := range rooms {
		people.Go(func() {
			for n := range lines {
				d.Say(bridgetest.DiscordLine{Channel: room, From: d.anna, Text: fmt.Sprint(n, d.bot.Mention())})
			}
		})
	}
	people.Wait()
	posts, err := d.WaitPosts(soon(t), len(rooms)*lines)
	if err != nil {
		t.Fatalf("%d posts: %v", len(posts), err)
	}
	for _, room := range rooms {
		if n := len(d.PostsIn(room)); n != lines {
			t.Errorf("%d answers in a room, want %d", n, lines)
		}
	}
	close(stop)
	clients.Wait()
}

func TestReconnectsLeaveNothingBehind(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{Remember: 50, SessionStarts: 10_000})
	before := goleak.IgnoreCurrent()
	var small, big runtime.MemStats
	for i := range 200 {
		if i == 50 {
			runtime.GC()
			runtime.ReadMemStats(&small)
		}
		s := d.connect(unranked)
		for range 50 {
			d.Say(bridgetest.DiscordLine{Channel: d.dm, From: d.anna, Text: "x"})
		}
		s.event("MESSAGE_CREATE")
		_ = s.ws.Close()
		d.gone(t)
	}
	runtime.GC()
	runtime.ReadMemStats(&big)
	if grown := int64(big.HeapAlloc) - int64(small.HeapAlloc); grown > 16<<20 {
		t.Errorf("the heap has grown by %d MiB", grown>>20)
	}
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreAnyFunction("net/http.(*conn).serve"))
}

func TestCloseEndsEverything(t *testing.T) {
	before := goleak.IgnoreCurrent()
	sim, err := bridgetest.StartDiscord(bridgetest.DiscordOptions{Heartbeat: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	bot := sim.AddBot(bridgetest.DiscordBotOptions{})
	d := &discord{Discord: sim, t: t, bot: bot}
	sim.BreakGateway(bridgetest.DiscordGatewayFault{Effect: bridgetest.GatewaySilent, Times: 1})
	url := "ws" + strings.TrimPrefix(sim.URL(), "http") + "/"
	silent, healthy := d.dial(url), d.dial(url)
	sim.Break(bridgetest.DiscordFault{Effect: bridgetest.Stall})
	stalled := make(chan struct{})
	go func() {
		defer close(stalled)
		_, _ = d.try("GET", "/users/@me", "", nil)
	}()
	if err := sim.WaitFor(soon(t), func() bool { return sim.RequestCount("GET /users/@me") == 1 && len(sim.Connections(nil)) == 2 }); err != nil {
		t.Fatal(err)
	}
	sim.Close()
	<-stalled
	silent.closed()
	healthy.closed()
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}
