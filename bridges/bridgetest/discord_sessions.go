package bridgetest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// keptSessions is how many sessions without a connection are kept of each shard.
const keptSessions = 3

// gatewaySession is what outlives a connection: what a client that resumes gets again. All is guarded by Discord.mu.
type gatewaySession struct {
	id      string
	bot     *DiscordBot
	shard   [2]int
	sharded bool
	intents int64
	seq     int64
	events  []gatewayFrame
	conn    *gatewayConn // nil while nobody is connected
	left    time.Time
}

// DiscordIdentify is an Identify of a bot with a valid token.
type DiscordIdentify struct {
	At      time.Time
	Shard   [2]int
	Intents int64
	TooSoon bool // over max_concurrency: it was answered with op 9
}

type identifyData struct {
	Token      *string         `json:"token"`
	Properties json.RawMessage `json:"properties"`
	Compress   bool            `json:"compress"`
	Shard      *[2]int         `json:"shard"`
	Intents    *int64          `json:"intents"`
}

// identify starts a session. It returns the code to close the connection with, 0 for none.
func (d *Discord) identify(c *gatewayConn, data json.RawMessage) int {
	var in identifyData
	if json.Unmarshal(data, &in) != nil || in.Token == nil || len(in.Properties) == 0 || in.Properties[0] != '{' {
		return closeDecodeError
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.log.signal()
	if c.bot != nil {
		return closeAlreadyIdentified
	}
	b := d.bots[bareToken(*in.Token)]
	if b == nil {
		return closeAuthFailed
	}
	s := &gatewaySession{id: randomText(32), bot: b, shard: [2]int{0, 1}}
	if in.Shard != nil {
		s.shard, s.sharded = *in.Shard, true
		if s.shard[0] < 0 || s.shard[1] < 1 || s.shard[0] >= s.shard[1] {
			return closeInvalidShard
		}
	}
	if code := b.checkIntents(in.Intents); code != 0 {
		return code
	}
	s.intents = *in.Intents
	if code, refused := d.admit(c, s); refused {
		return code
	}
	c.bot, c.session, s.conn = b, s, c
	c.compress.Store(in.Compress)
	d.sessions[s.id] = s
	d.welcome(s)
	return 0
}

// bareToken takes away the "Bot " of the HTTP header, which the gateway is known to put up with.
func bareToken(token string) string { return strings.TrimPrefix(token, "Bot ") }

// admit applies the limits of identifying; needs d.mu.
func (d *Discord) admit(c *gatewayConn, s *gatewaySession) (code int, refused bool) {
	now, b := d.Now(), s.bot
	start := DiscordIdentify{At: now, Shard: s.shard, Intents: s.intents}
	today, busy := 0, false
	for _, old := range b.starts {
		if old.TooSoon || now.Sub(old.At) > 24*time.Hour {
			continue
		}
		today++
		if old.Shard[0]%d.opt.MaxConcurrency == s.shard[0]%d.opt.MaxConcurrency && now.Sub(old.At) < d.opt.IdentifyEvery {
			busy = true
		}
	}
	start.TooSoon = busy
	b.starts = append(b.starts, start)
	switch {
	case busy:
		c.say(opInvalidSession, "false")
		return 0, true
	case today >= d.opt.SessionStarts: // all sessions end and the token is reset
		delete(d.bots, b.Token)
		for _, open := range d.sessions {
			if open.bot == b && open.conn != nil {
				open.conn.closeWith(closeAuthFailed)
			}
		}
		return closeAuthFailed, true
	case len(d.guildsOf(s)) > d.opt.GuildsPerShard:
		return closeShardingRequired, true
	}
	return 0, false
}

// guildsOf are the guilds whose events go to a session; needs d.mu.
func (d *Discord) guildsOf(s *gatewaySession) []*DiscordGuild {
	var list []*DiscordGuild
	for _, g := range d.guildOrder {
		if slices.Contains(g.bots, s.bot) && s.hears(g) {
			list = append(list, g)
		}
	}
	return list
}

// hears says whether a guild, or what belongs to none, goes to the session's shard.
func (s *gatewaySession) hears(g *DiscordGuild) bool {
	if g == nil {
		return s.shard[0] == 0
	}
	id, _ := parseID(g.ID)
	return int(id>>22)%s.shard[1] == s.shard[0]
}

// welcome says Ready and GUILD_CREATE for each guild; needs d.mu.
func (d *Discord) welcome(s *gatewaySession) {
	guilds := d.guildsOf(s)
	list := []dUnavailableGuild{}
	for _, g := range guilds {
		list = append(list, dUnavailableGuild{g.ID, true})
	}
	me := s.bot.me()
	ready := map[string]any{
		"v": 10, "user": me, "guilds": list, "session_id": s.id, "resume_gateway_url": d.gatewayURL() + "resume",
		"application": map[string]any{"id": s.bot.ApplicationID, "flags": s.bot.flags()}, "private_channels": []any{},
	}
	if s.sharded {
		ready["shard"] = s.shard
	}
	s.push(d, "READY", mustJSON(ready))
	if s.intents&intentGuilds == 0 {
		return
	}
	for _, g := range guilds {
		if !g.away {
			s.push(d, "GUILD_CREATE", d.guildCreate(g, s.bot))
		}
	}
}

// resume goes on with a session. It returns the code to close the connection with, 0 for none.
func (d *Discord) resume(c *gatewayConn, data json.RawMessage) int {
	var in struct {
		Token     *string `json:"token"`
		SessionID *string `json:"session_id"`
		Seq       *int64  `json:"seq"`
	}
	if json.Unmarshal(data, &in) != nil || in.Token == nil || in.SessionID == nil || in.Seq == nil {
		return closeDecodeError
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.log.signal()
	b := d.bots[bareToken(*in.Token)]
	if b == nil {
		return closeAuthFailed
	}
	if c.bot != nil {
		return closeAlreadyIdentified
	}
	d.forgetSessions()
	s := d.sessions[*in.SessionID]
	switch {
	case s == nil || s.bot != b:
		c.say(opInvalidSession, "false")
		return 0
	case *in.Seq > s.seq || *in.Seq < 0:
		return closeInvalidSeq
	}
	first := s.seq - int64(len(s.events)) + 1 // of those that are still there
	if *in.Seq+1 < first {
		delete(d.sessions, s.id)
		c.say(opInvalidSession, "false")
		return 0
	}
	if s.conn != nil {
		s.conn.session = nil
		s.conn.cut()
	}
	c.bot, c.session, c.resumed, s.conn = b, s, true, c
	for _, f := range s.events[*in.Seq+1-first:] {
		c.send(f)
	}
	s.push(d, "RESUMED", []byte("{}"))
	return 0
}

// leave lets go of a connection that has ended with the client's close code, 0 for none.
func (d *Discord) leave(c *gatewayConn, code int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.connections, c)
	s := c.session
	if s == nil || s.conn != c {
		return
	}
	s.conn, s.left = nil, d.Now()
	if code == 1000 || code == 1001 {
		delete(d.sessions, s.id)
	}
	d.forgetSessions()
}

// forgetSessions drops sessions that were left too long ago, and of each shard all but a few; needs d.mu.
func (d *Discord) forgetSessions() {
	type shard struct {
		bot *DiscordBot
		at  [2]int
	}
	left := map[shard][]*gatewaySession{}
	for id, s := range d.sessions {
		switch {
		case s.conn != nil:
		case d.Now().Sub(s.left) > d.opt.ResumeWithin:
			delete(d.sessions, id)
		default:
			left[shard{s.bot, s.shard}] = append(left[shard{s.bot, s.shard}], s)
		}
	}
	for _, list := range left {
		slices.SortFunc(list, func(a, b *gatewaySession) int { return b.left.Compare(a.left) })
		for _, s := range list[min(len(list), keptSessions):] {
			delete(d.sessions, s.id)
		}
	}
}

// push gives an event to a session, which needs d.mu.
func (s *gatewaySession) push(d *Discord, event string, data []byte) {
	if d.asStrings.Load() && event != "READY" {
		data = numbersAsStrings(data)
	}
	s.seq++
	f := gatewayFrame{event: event, seq: s.seq, data: data}
	s.events = append(s.events, f)
	if over := len(s.events) - d.opt.ResumeEvents; over > 0 {
		s.events = append(s.events[:0:0], s.events[over+len(s.events)/10:]...) // some more, so that this is not done for each event
	}
	if s.conn != nil {
		s.conn.send(f)
	}
}

// dispatch tells all bots of a guild that have the intent, and may see the channel if one is given; needs d.mu.
func (d *Discord) dispatch(g *DiscordGuild, c *DiscordChannel, intent int64, event string, payload any) {
	if c == nil {
		for _, b := range g.bots {
			d.dispatchTo(b, g, intent, event, payload)
		}
		return
	}
	for _, b := range g.bots {
		d.dispatchTo(b, g, intent, event, payload, c)
	}
}

// dispatchTo tells one bot; intent 0 is an event that always comes, a nil guild is direct messages. It needs d.mu.
func (d *Discord) dispatchTo(b *DiscordBot, g *DiscordGuild, intent int64, event string, payload any, in ...*DiscordChannel) {
	if event != "GUILD_CREATE" && intent&(intentGuilds|intentGuildMembers) != 0 {
		g.changed()
	}
	if g != nil && g.away || len(in) > 0 && d.may(b, in[0])&PermViewChannel == 0 {
		return
	}
	var raw []byte
	for _, s := range d.sessions {
		if s.bot != b || !s.hears(g) || intent != 0 && s.intents&intent == 0 {
			continue
		}
		if raw == nil {
			raw = mustJSON(payload)
		}
		s.push(d, event, raw)
	}
}

// eventWritten counts an event that a connection has taken.
func (d *Discord) eventWritten(c *gatewayConn, f gatewayFrame) {
	d.mu.Lock()
	b := c.bot
	if b != nil {
		b.events++
	}
	d.mu.Unlock()
	d.steps.call(DiscordStep{Name: DiscordEventSent, Bot: b, Event: f.event})
	d.log.signal()
}
