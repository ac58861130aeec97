package bridgetest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"avatarbridge/bridges/bridgetest"
)

// ready is what a client needs of READY.

type ready struct {
	V           int
	User        duser
	Session     string `json:"session_id"`
	Resume      string `json:"resume_gateway_url"`
	Shard       []int
	Application struct {
		ID    string
		Flags int
	}
	Guilds []struct {
		ID          string
		Unavailable bool
	}
}

// start identifies and returns READY.

func (d *discord) start(more string) (*socket, ready) {
	d.t.Helper()
	s := d.open()
	s.identify(d.bot.Token, more)
	f := s.next()
	var r ready
	if f.event() != "READY" || f.Seq == nil || *f.Seq != 1 {
		d.t.Fatalf("got op %d %s, want READY with the sequence 1", f.Op, f.event())
	}
	if err := json.Unmarshal(f.Data, &r); err != nil {
		d.t.Fatal(err)
	}
	return s, r
}

func TestASessionBeginsWithReadyAndItsGuilds(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	thread := d.AddThread(d.room, "thread", d.anna)
	s, r := d.start(fmt.Sprintf(`"intents":%d,"shard":[0,1]`, unranked))
	if r.V != 10 || r.User.ID != d.bot.ID || r.Application.ID != d.bot.ApplicationID || r.Session == "" || !strings.HasPrefix(r.Resume, "ws://127.0.0.1:") ||
		len(r.Guilds) != 1 || r.Guilds[0].ID != d.guild.ID || !r.Guilds[0].Unavailable || !slices.Equal(r.Shard, []int{0, 1}) {
		t.Errorf("ready %+v", r)
	}
	var g struct {
		ID, Name    string
		MemberCount int `json:"member_count"`
		Channels    []struct {
			ID       string
			ParentID string `json:"parent_id"`
			Type     int
		}
		Threads []struct {
			ID       string
			ParentID string `json:"parent_id"`
		}
		Members []struct{ User duser }
	}
	if err := json.Unmarshal(s.event("GUILD_CREATE").Data, &g); err != nil {
		t.Fatal(err)
	}
	if g.ID != d.guild.ID || len(g.Channels) != 2 || g.Channels[1].ParentID != d.room.Parent().ID || len(g.Threads) != 1 || g.Threads[0].ParentID != d.room.ID ||
		g.Threads[0].ID != thread.ID || len(g.Members) != 1 || g.Members[0].User.ID != d.bot.ID {
		t.Errorf("guild %+v", g)
	}
	c := d.Connections(d.bot)
	if len(c) != 1 || c[0].Session != r.Session || c[0].Intents != unranked || c[0].Resumed {
		t.Errorf("connections %+v", c)
	}
}

func TestHeartbeatsAreAnsweredAndMissed(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{Heartbeat: time.Millisecond}) // held to 50ms
	s := d.open()
	for range 3 {
		s.write(`{"op":1,"d":null}`)
		if f := s.next(); f.Op != 11 {
			t.Errorf("a heartbeat was answered with op %d", f.Op)
		}
	}
	if c := d.Connections(nil); len(c) != 1 || c[0].Heartbeats != 3 {
		t.Errorf("connections %+v", c)
	}
	if code := s.closed(); code != 4000 {
		t.Errorf("a client that stopped beating was closed with %d", code)
	}
}

func TestCloseCodesOfTheGateway(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{GuildsPerShard: 1})
	identify := func(token, more string) string {
		return `{"op":2,"d":{"token":"` + token + `","properties":{},` + more + `}}`
	}
	for _, c := range []struct {
		name, text string
		code       int
	}{
		{"a wrong token", identify("wrong", `"intents":1`), 4004},
		{"no token", `{"op":2,"d":{"properties":{},"intents":1}}`, 4002},
		{"unknown intents", identify(d.bot.Token, `"intents":4194304`), 4013},
		{"no intents", identify(d.bot.Token, `"shard":[0,1]`), 4013},
		{"message content that is not enabled", identify(d.bot.Token, `"intents":32768`), 4014},
		{"members that are not enabled", identify(d.bot.Token, `"intents":2`), 4014},
		{"a shard out of range", identify(d.bot.Token, `"intents":1,"shard":[2,2]`), 4010},
		{"not JSON", `{"op":`, 4002},
		{"too long", identify(strings.Repeat("x", 4096), `"intents":1`), 4002},
		{"an unknown opcode", `{"op":77,"d":null}`, 4001},
		{"a command before identifying", `{"op":3,"d":{}}`, 4003},
		{"resuming with a wrong token", `{"op":6,"d":{"token":"wrong","session_id":"x","seq":1}}`, 4004},
	} {
		s := d.open()
		s.write(c.text)
		if code := s.closed(); code != c.code {
			t.Errorf("%s: closed with %d, want %d", c.name, code, c.code)
		}
	}
	s := d.connect(unranked)
	s.identify(d.bot.Token, `"intents":1`)
	if code := s.closed(); code != 4005 {
		t.Errorf("a second Identify: closed with %d", code)
	}
	old := d.dial("ws" + strings.TrimPrefix(d.URL(), "http") + "/?v=5&encoding=json")
	if code := old.closed(); code != 4012 {
		t.Errorf("an old version: closed with %d", code)
	}
	s = d.connect(unranked)
	for range 121 {
		s.write(`{"op":3,"d":{}}`)
	}
	if code := s.closed(); code != 4008 {
		t.Errorf("121 commands: closed with %d", code)
	}
	d.AddGuild("Second", d.bot)
	s = d.open()
	s.identify(d.bot.Token, `"intents":1`)
	if code := s.closed(); code != 4011 {
		t.Errorf("more guilds than a shard takes: closed with %d", code)
	}
}

func TestIdentifiesAreLimitedByConcurrency(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{MaxConcurrency: 2, IdentifyEvery: 5 * time.Second, SessionStarts: 4})
	try := func(shard int) frame {
		s := d.open()
		s.identify(d.bot.Token, fmt.Sprintf(`"intents":1,"shard":[%d,4]`, shard))
		return s.next()
	}
	if a, b := try(0), try(1); a.event() != "READY" || b.event() != "READY" {
		t.Errorf("shards of different buckets got op %d and %d", a.Op, b.Op)
	}
	if f := try(2); f.Op != 9 || string(f.Data) != "false" {
		t.Errorf("a shard of a bucket in use got op %d %s", f.Op, f.Data)
	}
	d.Advance(5 * time.Second)
	if f := try(2); f.event() != "READY" {
		t.Errorf("after 5 s: op %d", f.Op)
	}
	list := d.Identifies(d.bot)
	if len(list) != 4 || !list[2].TooSoon || list[3].TooSoon || list[3].Shard != [2]int{2, 4} {
		t.Errorf("identifies %+v", list)
	}
	d.Advance(5 * time.Second)
	try(0)
	d.Advance(5 * time.Second)
	s := d.open()
	s.identify(d.bot.Token, `"intents":1`)
	if code := s.closed(); code != 4004 {
		t.Errorf("over the day's starts: closed with %d", code)
	}
	d.do("GET", "/users/@me", nil).wants(t, "the token was reset", 401, 0)
}

func (s *socket) resume(token, session string, seq int64) {
	s.write(fmt.Sprintf(`{"op":6,"d":{"token":%q,"session_id":%q,"seq":%d}}`, token, session, seq))
}

func TestResumeReplaysWhatWasMissed(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	s, r := d.start(fmt.Sprintf(`"intents":%d`, unranked))
	d.say(d.room, "seen")
	seq := *s.event("MESSAGE_CREATE").Seq
	d.CutGateways(d.bot)
	s.closed()
	d.say(d.room, "one")
	d.say(d.room, "two")
	again := d.dial(r.Resume + "/?v=10&encoding=json")
	again.next()
	again.resume(d.bot.Token, r.Session, seq)
	for i, want := range []string{"one", "two"} {
		f := again.next()
		var m dmsg
		if err := json.Unmarshal(f.Data, &m); err != nil || m.Content != want || *f.Seq != seq+int64(i)+1 {
			t.Errorf("replayed %s %s (%v), want %q", f.event(), f.Data, err, want)
		}
	}
	if f := again.next(); f.event() != "RESUMED" {
		t.Errorf("got %s, want RESUMED", f.event())
	}
	d.say(d.room, "three")
	if m := again.message("MESSAGE_CREATE"); m.Content != "three" {
		t.Errorf("after the replay: %+v", m)
	}
	if c := d.Connections(d.bot); len(c) != 1 || !c[0].Resumed || !strings.HasPrefix(c[0].Path, "/resume") {
		t.Errorf("connections %+v", c)
	}
	if list := d.Identifies(d.bot); len(list) != 1 {
		t.Errorf("%d identifies, a resume is none", len(list))
	}
}

func TestSessionsThatCannotBeResumed(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{ResumeWithin: time.Minute, ResumeEvents: 2})
	end := map[string]func(s *socket){
		"closed with 1000": func(s *socket) {
			_ = s.ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""))
			s.closed()
		},
		"too late":    func(s *socket) { _ = s.ws.Close(); d.gone(t); d.Advance(2 * time.Minute) },
		"invalidated": func(s *socket) { d.Invalidate(d.bot, false); s.closing(t); d.gone(t) },
		"too many events later": func(s *socket) {
			_ = s.ws.Close()
			d.gone(t)
			d.say(d.room, "1")
			d.say(d.room, "2")
			d.say(d.room, "3")
		},
	}
	for name, f := range end {
		s, r := d.start(fmt.Sprintf(`"intents":%d`, unranked))
		s.event("GUILD_CREATE")
		f(s)
		d.gone(t)
		again := d.open()
		again.resume(d.bot.Token, r.Session, 2)
		if f := again.next(); f.Op != 9 || string(f.Data) != "false" {
			t.Errorf("%s: got op %d %s", name, f.Op, f.Data)
		}
		_ = again.ws.Close()
		d.gone(t)
	}
	s, r := d.start(`"intents":1`)
	_ = s.ws.Close()
	d.gone(t)
	again := d.open()
	again.resume(d.bot.Token, r.Session, 99)
	if code := again.closed(); code != 4007 {
		t.Errorf("a sequence of the future: closed with %d", code)
	}
}

// closing reads op 9 and hangs up, as a client does.

func (s *socket) closing(t *testing.T) {
	t.Helper()
	for {
		f := s.next()
		if f.Op == 9 {
			_ = s.ws.Close()
			return
		}
	}
}

// gone waits until no connection is left.

func (d *discord) gone(t *testing.T) {
	t.Helper()
	if err := d.WaitFor(soon(t), func() bool { return len(d.Connections(nil)) == 0 }); err != nil {
		t.Fatal(err)
	}
}

func TestAResumableInvalidSessionGoesOn(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	s, r := d.start(fmt.Sprintf(`"intents":%d`, unranked))
	seq := *s.event("GUILD_CREATE").Seq
	d.Invalidate(d.bot, true)
	if f := s.next(); f.Op != 9 || string(f.Data) != "true" {
		t.Fatalf("got op %d %s", f.Op, f.Data)
	}
	d.say(d.room, "missed")
	again := d.open()
	again.resume(d.bot.Token, r.Session, seq)
	if m := again.message("MESSAGE_CREATE"); m.Content != "missed" {
		t.Errorf("got %+v", m)
	}
	again.event("RESUMED")
}

func TestOfflineCutsSessionsThatCanGoOn(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	s, r := d.start(fmt.Sprintf(`"intents":%d`, unranked))
	seq := *s.event("GUILD_CREATE").Seq
	d.Offline()
	s.closed()
	if _, err := d.try("GET", "/users/@me", "", nil); err == nil {
		t.Error("the server answers while it is away")
	}
	d.Say(bridgetest.DiscordLine{Channel: d.dm, From: d.anna, Text: "meanwhile"})
	if err := d.Online(); err != nil {
		t.Fatal(err)
	}
	again := d.open()
	again.resume(d.bot.Token, r.Session, seq)
	if m := again.message("MESSAGE_CREATE"); m.Content != "meanwhile" {
		t.Errorf("got %+v", m)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := d.WaitFor(ctx, func() bool { return false }); err == nil {
		t.Error("waiting for what does not happen ended well")
	}
}

func TestTheGatewayPutsUpWithTheHeadersFormOfTheToken(t *testing.T) {
	d := newDiscord(t, bridgetest.DiscordOptions{})
	s := d.open()
	s.identify("Bot "+d.bot.Token, `"intents":1`)
	if f := s.next(); f.event() != "READY" {
		t.Errorf("got op %d", f.Op)
	}
}
