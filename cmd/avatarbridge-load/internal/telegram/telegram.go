// Package telegram is a Bot API server that costs little: as much of it as a bot needs that polls, or has a webhook, and answers in direct
// chats, without Telegram's limits. Updates are kept until an offset confirms them, and a second poller ends the first one's poll, as there.
package telegram

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// The steps of the wire, in the order in which a message comes by. With a webhook an update is confirmed when the call is answered with 2xx.
const (
	Introduced      = "getMe asked"
	HookSet         = "webhook set" // reached only with one
	UpdateHandedOut = "update handed out"
	OffsetConfirmed = "offset confirmed"
	SendReceived    = "send received"
	SendAnswered    = "send answered"
)

// Server is a Bot API server with one bot.
type Server struct {
	ledger *ledger.Ledger
	hooks  wire.Hooks
	http   *wire.Server
	token  string
	prefix []byte // of the paths
	me     []byte // the answer to getMe
	fault  atomic.Pointer[wire.Fault]
	last   atomic.Int64 // the id of the latest post
	hook   *hook        // nil when updates are polled for

	mu      sync.Mutex
	posts   []post   // those that are replies
	stock   int      // how many of them there were at the latest call of Unsure
	pending [][]byte // updates, rendered
	first   int64    // id of pending[0]
	poll    *poll    // that waits, nil when none does
}

// A poll waits for updates.
type poll struct {
	woken chan struct{} // has room for one
	over  bool          // another one took its place
}

// A post is a reply to a message, and the id that it has been given.
type post struct {
	chat, n int32
	id      int64
}

// perBot is how many ids each bot's posts have for themselves, so that the program's database tells them apart.
const perBot = 10_000_000

// names are what the bot is called.
const names = `"is_bot":true,"first_name":"Luna","username":"luna_bot"`

// firstUpdate is an id like those that Telegram gives.
const firstUpdate = 700_000_001

// New starts a server for the bot with this number, which polls. Close must be called.
func New(number int, l *ledger.Ledger, h wire.Hooks) (*Server, error) {
	return listen(number, l, h, nil)
}

func listen(number int, l *ledger.Ledger, h wire.Hooks, hook *hook) (*Server, error) {
	s := &Server{ledger: l, hooks: h, hook: hook, token: fmt.Sprintf("%d:AAload-simulator-token", 4_000_000+number), first: firstUpdate}
	s.last.Store(int64(number)*perBot + 1_000_000)
	s.prefix = []byte("/bot" + s.token + "/")
	s.me = fmt.Appendf(nil, `{"ok":true,"result":{"id":%d,%s,"can_read_all_group_messages":true}}`, 4_000_000+number, names)
	var err error
	if s.http, err = wire.Listen(); err != nil {
		return nil, err
	}
	if hook != nil {
		hook.done = s.http.Done()
	}
	s.http.Serve(s.serve)
	return s, nil
}

// Close ends the server.
func (s *Server) Close() {
	s.http.Close()
	if s.hook != nil {
		s.hook.close()
	}
}

// URL is the server's address.
func (s *Server) URL() string { return s.http.URL() }

// Token is the bot's.
func (s *Server) Token() string { return s.token }

// Section is the bridge's section of the configuration.
func (s *Server) Section(name, avatar, more string) string {
	if s.hook != nil {
		more = fmt.Sprintf("mode = \"webhook\"\nwebhook_secret = %q\n%s", s.hook.secret, more)
	}
	return fmt.Sprintf("[bridges.%s]\nplatform = \"telegram\"\ntoken = %q\navatar = %q\napi_url = %q\n%s\n", name, s.token, avatar, s.URL(), more)
}

// Break lets all calls fail in this way, and work again with nil.
func (s *Server) Break(f *wire.Fault) { s.fault.Store(f) }

// HangUp ends all connections, each as soon as what was asked on it is answered.
func (s *Server) HangUp() { s.http.HangUp() }

// Unconfirmed counts the updates that no offset has confirmed, or of which no call was answered well.
func (s *Server) Unconfirmed() int {
	if s.hook != nil {
		return s.hook.unconfirmed()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending)
}

// firstPerson is the id of the person of chat 0, and of the chat.
const firstPerson = 500_000_000

// Write lets the person of a chat write message n there.
func (s *Server) Write(chat, n int) {
	s.ledger.Written(chat, n)
	if s.hook != nil {
		s.hook.add(chat, appendUpdate(nil, s.hook.next(), chat, n))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = append(s.pending, appendUpdate(nil, s.first+int64(len(s.pending)), chat, n))
	if s.poll != nil {
		s.poll.wake()
	}
}

// appendUpdate appends the update that tells of message n in a chat.
func appendUpdate(b []byte, id int64, chat, n int) []byte {
	person := int64(firstPerson + chat)
	b = slices.Grow(b, 384)
	b = strconv.AppendInt(append(b, `{"update_id":`...), id, 10)
	b = strconv.AppendInt(append(b, `,"message":{"message_id":`...), int64(n)+1, 10)
	b = strconv.AppendInt(append(b, `,"from":{"id":`...), person, 10)
	b = strconv.AppendInt(append(b, `,"is_bot":false,"first_name":"Person `...), int64(chat), 10)
	b = strconv.AppendInt(append(b, `","language_code":"en"},"chat":{"id":`...), person, 10)
	b = strconv.AppendInt(append(b, `,"first_name":"Person `...), int64(chat), 10)
	b = strconv.AppendInt(append(b, `","type":"private"},"date":`...), time.Now().Unix(), 10)
	b = ledger.AppendText(append(b, `,"text":"`...), 'm', chat, n)
	return append(b, `"}}`...)
}

func (p *poll) wake() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// serve answers one call.
func (s *Server) serve(c *wire.Conn, r wire.Request) error {
	method, ok := bytes.CutPrefix(r.Path, s.prefix)
	if !ok {
		return c.Answer(404, []byte(`{"ok":false,"error_code":404,"description":"Not Found"}`))
	}
	f := s.fault.Load()
	switch string(method) {
	case "getUpdates":
		return s.getUpdates(c, r.Body)
	case "sendMessage":
		return s.sendMessage(c, r.Body, f)
	case "getMe":
		s.hooks.Reach(Introduced)
		return f.Reply(c, s.me)
	case "setWebhook":
		return s.setWebhook(c, r.Body, f)
	case "getWebhookInfo":
		return f.Reply(c, s.webhookInfo())
	}
	return f.Reply(c, []byte(`{"ok":true,"result":true}`)) // sendChatAction, deleteWebhook, setMyCommands
}

var sent = []byte(`{"ok":true,"result":{"message_id":`)

func (s *Server) sendMessage(c *wire.Conn, body []byte, f *wire.Fault) error {
	s.hooks.Reach(SendReceived)
	f = f.Next()
	if f.Refuses() {
		return f.Reply(c, nil)
	}
	chat, n, ok := ledger.Find(body, "text=", 'r')
	id := s.last.Add(1)
	if in, err := strconv.Atoi(wire.Field(body, "chat_id=")); !ok || err != nil {
		s.ledger.Noticed()
	} else {
		s.mu.Lock()
		s.posts = append(s.posts, post{int32(chat), int32(n), id})
		s.mu.Unlock()
		if f.Stalled() {
			s.ledger.Unsure(chat, n)
		}
		if s.ledger.Posted(in-firstPerson, chat, n) {
			s.hooks.Answer(chat, n)
		}
	}
	answer := strconv.AppendInt(append(make([]byte, 0, 256), sent...), id, 10)
	answer = append(answer, `,"from":{"id":4000000,`+names+`},"chat":{"id":500000000,"type":"private"},"date":1790000000,"text":"…"}}`...)
	err := f.Reply(c, answer)
	s.hooks.Reach(SendAnswered)
	return err
}

// Quiet returns when all is noted that a program sent which is dead by now.
func (s *Server) Quiet(ctx context.Context) error { return s.http.Quiet(ctx) }

// Unsure tells the ledger, when a program is dead and Quiet has returned, of the replies that were in flight: they were taken from this program,
// and it has noted none of the ids that they were ever given. It returns how many these are. noted says which ids it has noted.
func (s *Server) Unsure(noted map[string]bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := map[[2]int32]bool{}
	for _, p := range s.posts {
		m := [2]int32{p.chat, p.n}
		known[m] = known[m] || noted[strconv.FormatInt(p.id, 10)]
	}
	unsure := 0
	for _, p := range s.posts[s.stock:] {
		m := [2]int32{p.chat, p.n}
		if !known[m] {
			known[m] = true // it is one, however often it was posted
			s.ledger.Unsure(int(p.chat), int(p.n))
			unsure++
		}
	}
	s.stock = len(s.posts)
	return unsure
}

// Room is the id of a chat.
func Room(chat int) string { return strconv.Itoa(firstPerson + chat) }
