// Package discord is as much of Discord as a bot needs that answers in direct messages and where it is mentioned in servers, and costs little:
// the gateway with sessions that can be gone on with, and the API's routes for messages with enforced nonces. It has no limits.
package discord

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// The steps of the wire, in the order in which a message comes by.
const (
	Introduced   = "Discord: users/@me asked"
	Identified   = "Discord: session begun"
	Resumed      = "Discord: session gone on with"
	HistoryAsked = "Discord: history asked"
	EventSent    = "Discord: event sent"
	PostReceived = "Discord: post received"
	PostAnswered = "Discord: post answered"
)

// Ids of what is there, each of the first of its kind. People, and their direct channels, are told by the number of the chat.
const (
	firstBot    = 1_100_000_000_000_000_001
	guild       = 1_000_000_000_000_000_000
	firstPerson = 1_200_000_000_000_000_000
	firstDirect = 1_300_000_000_000_000_000
	firstRoom   = 1_400_000_000_000_000_000
)

// rooms is how many channels the server has, in which many people mention the bot.
const rooms = 50

// Server is Discord with one bot.
type Server struct {
	ledger *ledger.Ledger
	hooks  wire.Hooks
	http   *wire.Server
	bot    int64
	token  string
	fault  atomic.Pointer[wire.Fault]

	mu       sync.Mutex
	channels map[int64]*channel
	session  *session // the latest one, nil before there is any
	sessions int
	lastID   int64  // of a message
	commands []byte // as they were registered, nil before
}

// A channel is where messages are.
type channel struct {
	id     int64
	all    []message // the oldest first
	nonces map[string]nonced
}

// A message is one that a person wrote, or the bot.
type message struct {
	id, author int64
	text       []byte // as it stands in JSON
}

// A nonced is a message that was made with a nonce.
type nonced struct {
	id int64
	at time.Time
}

// nonceHolds is how long a nonce is remembered: Discord's documentation says "the past few minutes".
const nonceHolds = 3 * time.Minute

// New starts Discord for the bot with this number. Close must be called.
func New(number int, l *ledger.Ledger, h wire.Hooks) (*Server, error) {
	s := &Server{ledger: l, hooks: h, bot: firstBot + int64(number), channels: map[int64]*channel{}}
	s.token = fmt.Sprintf("MTEwMDAwMDAwMDAwMDAwMDAwMQ.Gload%d.simulator-token", number)
	var err error
	if s.http, err = wire.Listen(); err != nil {
		return nil, err
	}
	s.http.Serve(s.serve)
	return s, nil
}

// Close ends the server.
func (s *Server) Close() { s.http.Close() }

// URL is the server's address.
func (s *Server) URL() string { return s.http.URL() }

// Section is the bridge's section of the configuration.
func (s *Server) Section(name, avatar, more string) string {
	return fmt.Sprintf("[bridges.%s]\nplatform = \"discord\"\ntoken = %q\navatar = %q\napi_url = %q\nrooms = \"all\"\n%s\n", name, s.token, avatar, s.URL(), more)
}

// Break lets all calls fail in this way, and work again with nil. The gateway goes on.
func (s *Server) Break(f *wire.Fault) { s.fault.Store(f) }

// Forget ends the session, so that the next connection begins a new one and what was written between them is only in the history.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session = nil
}

// HangUp ends all connections to the API, each as soon as what was asked on it is answered. The gateway's go on.
func (s *Server) HangUp() { s.http.HangUp() }

// Unconfirmed counts what was written and not sent: Discord is told no more of what becomes of an event.
func (s *Server) Unconfirmed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.session == nil:
		return 0
	case s.session.conn == nil:
		return len(s.session.events)
	}
	return len(s.session.events) - s.session.conn.sent
}

// direct reports whether a chat is one of direct messages. The others are in channels of the server.
func direct(chat int) bool { return chat&4 == 0 }

// channelOf is the id of the channel of a chat.
func channelOf(chat int) int64 {
	if direct(chat) {
		return firstDirect + int64(chat)
	}
	return firstRoom + int64(chat>>3%rooms)
}

// Write lets the person of a chat write message n there.
func (s *Server) Write(chat, n int) {
	s.ledger.Written(chat, n)
	text := make([]byte, 0, 128)
	if !direct(chat) {
		text = fmt.Appendf(text, "<@%d> ", s.bot)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.say(channelOf(chat), firstPerson+int64(chat), ledger.AppendText(text, 'm', chat, n), "")
}

// at is the channel with the id, which must be one of channelOf. It needs s.mu.
func (s *Server) at(id int64) *channel {
	c := s.channels[id]
	if c == nil {
		c = &channel{id: id, nonces: map[string]nonced{}}
		s.channels[id] = c
	}
	return c
}

// epoch is the first millisecond of 2015, from which ids count.
const epoch = 1420070400000

// say adds a message and tells the bot of it, as Discord does also of the bot's own. It needs s.mu.
func (s *Server) say(in, author int64, text []byte, nonce string) int64 {
	c := s.at(in)
	s.lastID = max(s.lastID+1, (time.Now().UnixMilli()-epoch)<<22)
	m := message{s.lastID, author, text}
	c.all = append(c.all, m)
	if s.session != nil {
		d := make([]byte, 0, 768)
		d = s.session.head(d, "MESSAGE_CREATE")
		d = s.appendMessage(d, c, &m, nonce, true)
		s.session.add(append(d, '}'))
	}
	return m.id
}

// appendMessage appends a message as Discord shows it: in an event it says in which server it was written, and by which member.
func (s *Server) appendMessage(b []byte, c *channel, m *message, nonce string, event bool) []byte {
	b = strconv.AppendInt(append(b, `{"id":"`...), m.id, 10)
	b = strconv.AppendInt(append(b, `","type":0,"channel_id":"`...), c.id, 10)
	b = s.appendUser(append(b, `","author":`...), m.author)
	b = append(append(b, `,"content":"`...), m.text...)
	b = time.UnixMilli(m.id>>22+epoch).UTC().AppendFormat(append(b, `","timestamp":"`...), "2006-01-02T15:04:05.000000-07:00")
	b = append(b, `","edited_timestamp":null,"tts":false,"mention_everyone":false,"mention_roles":[],"attachments":[],"embeds":[],"pinned":false,"flags":0`...)
	b = append(b, `,"mentions":[`...)
	if c.id >= firstRoom && m.author != s.bot {
		b = s.appendUser(b, s.bot)
	}
	b = append(b, ']')
	if event && c.id >= firstRoom {
		b = strconv.AppendInt(append(b, `,"guild_id":"`...), guild, 10)
		b = append(b, `","member":{"nick":null,"roles":[],"joined_at":"2026-01-01T00:00:00.000000+00:00","deaf":false,"mute":false}`...)
	}
	if nonce != "" {
		b = append(append(append(b, `,"nonce":"`...), nonce...), '"')
	}
	return append(b, '}')
}

// appendUser appends the bot, or a person.
func (s *Server) appendUser(b []byte, id int64) []byte {
	b = strconv.AppendInt(append(b, `{"id":"`...), id, 10)
	if id == s.bot {
		return append(b, `","username":"luna","discriminator":"0001","global_name":null,"avatar":null,"bot":true}`...)
	}
	b = strconv.AppendInt(append(b, `","username":"person`...), id-firstPerson, 10)
	b = strconv.AppendInt(append(b, `","discriminator":"0","global_name":"Person `...), id-firstPerson, 10)
	return append(b, `","avatar":null}`...)
}
