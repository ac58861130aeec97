// Package slack is as much of Slack as an app needs that answers in direct messages and in threads, and costs little: the Web API, and Socket
// Mode with several sockets that share the events, or the Events API, by which they are posted to the app. It has no limits.
//
// Slack promises no order of events over two sockets. Here those of one conversation wait for each other's acknowledgement, so that what is out
// of order is so by the program.
package slack

import (
	"encoding/json"
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
	Introduced   = "Slack: auth.test asked"
	SocketOpened = "Slack: socket opened"
	EnvelopeSent = "Slack: envelope sent"
	Acknowledged = "Slack: envelope acknowledged"
	PersonAsked  = "Slack: users.info asked"
	HistoryAsked = "Slack: history asked"
	PostReceived = "Slack: post received"
	PostAnswered = "Slack: post answered"
)

// Ids of what there is one of.
const (
	team   = "T0LOAD00001"
	app    = "A0LOAD00001"
	botID  = "B0LOAD00001"
	handle = "luna"
)

// rooms is how many channels there are, in which many people mention the app.
const rooms = 50

// Server is Slack with one app.
type Server struct {
	ledger *ledger.Ledger
	hooks  wire.Hooks
	http   *wire.Server
	bot    string // the app's user
	tokens [2]string
	fault  atomic.Pointer[wire.Fault]
	work   sync.WaitGroup
	push   *push // nil in Socket Mode

	mu      sync.Mutex
	talks   map[int]*talk
	threads map[int64]int // the chat that a message has opened
	lastTS  int64         // microseconds
	waiting int           // events that are not acknowledged
	ready   []*talk       // whose first event is to be sent
	conns   []*conn
	turn    int // of whose turn among conns it is
}

// A talk is the conversation of one chat.
type talk struct {
	chat   int
	all    []message // the oldest first
	queue  []event   // those that are not acknowledged; of the first one the next three say how it is
	on     *conn     // nil while it is not sent
	sent   time.Time
	offers int
}

// A message is one that the person wrote, or the app.
type message struct {
	ts   int64 // in microseconds
	own  bool  // the app's
	text string
	post string // the id in the app's metadata
}

// An event tells of a message. What mentions the app is told twice, and the app is told of its own too.
type event struct {
	index   int // of the message among all
	mention bool
}

// New starts Slack for the app with this number, which is in Socket Mode. Close must be called.
func New(number int, l *ledger.Ledger, h wire.Hooks) (*Server, error) {
	return listen(number, l, h, nil)
}

func listen(number int, l *ledger.Ledger, h wire.Hooks, p *push) (*Server, error) {
	s := &Server{ledger: l, hooks: h, push: p, talks: map[int]*talk{}, threads: map[int64]int{}, bot: fmt.Sprintf("U0LUNA%05d", number)}
	s.tokens = [2]string{fmt.Sprintf("xoxb-%d-simulator-token", number), fmt.Sprintf("xapp-%d-simulator-token", number)}
	var err error
	if s.http, err = wire.Listen(); err != nil {
		return nil, err
	}
	s.http.Serve(s.serve)
	if p == nil {
		s.work.Go(s.again)
	}
	return s, nil
}

// Close ends the server.
func (s *Server) Close() {
	s.http.Close()
	if s.push != nil {
		s.mu.Lock()
		s.push.over = true
		s.mu.Unlock()
		s.push.client.Close()
		s.push.knocker.Close()
	}
	s.work.Wait()
}

// URL is the server's address.
func (s *Server) URL() string { return s.http.URL() }

// Section is the bridge's section of the configuration.
func (s *Server) Section(name, avatar, more string) string {
	way := fmt.Sprintf("app_token = %q", s.tokens[1])
	if s.push != nil {
		way = fmt.Sprintf("signing_secret = %q", s.push.secret)
	}
	return fmt.Sprintf("[bridges.%s]\nplatform = \"slack\"\nbot_token = %q\n%s\navatar = %q\napi_url = %q\nrooms = \"all\"\n%s\n",
		name, s.tokens[0], way, avatar, s.URL()+"/api/", more)
}

// Break lets all calls fail in this way, and work again with nil. The sockets go on.
func (s *Server) Break(f *wire.Fault) { s.fault.Store(f) }

// HangUp ends all connections to the API, each as soon as what was asked on it is answered. The sockets go on.
func (s *Server) HangUp() { s.http.HangUp() }

// Unconfirmed counts the events that are not acknowledged.
func (s *Server) Unconfirmed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

// direct reports whether a chat is one of direct messages. The others are threads in channels.
func direct(chat int) bool { return chat&4 == 0 }

func person(chat int) string { return fmt.Sprintf("U0%09d", chat) }

// channelOf is the id of the channel of a chat.
func channelOf(chat int) string {
	if direct(chat) {
		return fmt.Sprintf("D0%09d", chat)
	}
	return fmt.Sprintf("C0%09d", chat>>3%rooms)
}

// root is the timestamp of the thread's first message, 0 in direct messages and before there is one.
func (t *talk) root() int64 {
	if direct(t.chat) || len(t.all) == 0 {
		return 0
	}
	return t.all[0].ts
}

// now is a timestamp that no other message has. It needs s.mu.
func (s *Server) now() int64 {
	s.lastTS = max(s.lastTS+1, time.Now().UnixMicro())
	return s.lastTS
}

// appendTS appends a timestamp as Slack writes it.
func appendTS(b []byte, ts int64) []byte {
	b = append(strconv.AppendInt(b, ts/1e6, 10), '.')
	return append(b, strconv.FormatInt(1e6+ts%1e6, 10)[1:]...)
}

// talkOf is the conversation of a chat. It needs s.mu.
func (s *Server) talkOf(chat int) *talk {
	t := s.talks[chat]
	if t == nil {
		t = &talk{chat: chat}
		s.talks[chat] = t
	}
	return t
}

// Write lets the person of a chat write message n there.
func (s *Server) Write(chat, n int) {
	s.ledger.Written(chat, n)
	text := make([]byte, 0, 128)
	if !direct(chat) {
		text = fmt.Appendf(text, "<@%s> ", s.bot)
	}
	text = ledger.AppendText(text, 'm', chat, n)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.talkOf(chat)
	t.all = append(t.all, message{ts: s.now(), text: string(text)})
	if !direct(chat) {
		if len(t.all) == 1 {
			s.threads[t.root()] = chat
		}
		s.tell(t, event{len(t.all) - 1, true})
	}
	s.tell(t, event{len(t.all) - 1, false})
}

// tell has an event sent, behind those of its conversation. It needs s.mu.
func (s *Server) tell(t *talk, e event) {
	s.waiting++
	if t.queue = append(t.queue, e); len(t.queue) == 1 {
		s.offer(t)
	}
}

// offer has the first event of a conversation sent. It needs s.mu.
func (s *Server) offer(t *talk) {
	if s.push != nil {
		s.call(t)
		return
	}
	s.ready = append(s.ready, t)
	if len(s.conns) > 0 {
		s.turn++
		s.conns[s.turn%len(s.conns)].wake()
	}
}

// appendEnvelope appends the first event of a conversation. It needs s.mu.
func (s *Server) appendEnvelope(b []byte, t *talk) []byte {
	b = fmt.Appendf(b, `{"envelope_id":%q,"type":"events_api","accepts_response_payload":false,"retry_attempt":%d,"retry_reason":"`, t.envelope(), t.offers)
	if t.offers > 0 {
		b = append(b, "timeout"...)
	}
	return append(s.appendCallback(append(b, `","payload":`...), t), '}')
}

// appendCallback appends what tells of the first event of a conversation. It needs s.mu.
func (s *Server) appendCallback(b []byte, t *talk) []byte {
	e := t.queue[0]
	m := &t.all[e.index]
	kind, where := "message", "im"
	if e.mention {
		kind = "app_mention"
	}
	b = fmt.Appendf(b, `{"token":"x","team_id":%q,"context_team_id":%q,"api_app_id":%q,"type":"event_callback","event_id":"Ev%s","event_time":%d,"event":{"type":%q`,
		team, team, app, t.envelope()[24:], m.ts/1e6, kind)
	if root := t.root(); root != 0 {
		where = "channel"
		if root != m.ts {
			b = append(appendTS(append(b, `,"thread_ts":"`...), root), '"')
		}
	}
	if !e.mention {
		b = append(append(append(b, `,"channel_type":"`...), where...), '"')
	}
	user, more := person(t.chat), ""
	if m.own {
		user, more = s.bot, `,"bot_id":"`+botID+`"`
	}
	text, err := json.Marshal(m.text)
	if err != nil { // cannot be
		text = []byte(`""`)
	}
	b = fmt.Appendf(b, `,"channel":%q,"user":%q%s,"team":%q,"text":%s`, channelOf(t.chat), user, more, team, text)
	b = appendTS(append(b, `,"ts":"`...), m.ts)
	b = appendTS(append(b, `","event_ts":"`...), m.ts)
	return append(b, `"}}`...)
}

// envelope is the id of the envelope in which the first event is.
func (t *talk) envelope() string {
	e := t.queue[0]
	serial := 2 * e.index
	if e.mention {
		serial++
	}
	return fmt.Sprintf("%08x-%04x-4000-8000-%012x", t.chat, t.offers&0xffff, serial)
}
