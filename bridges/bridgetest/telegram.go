// Package bridgetest holds simulators of the platforms, which are real servers over real sockets, the tests that every Bridge passes
// (Run), and a Receiver for tests.
//
// A simulator is written from its platform's documentation and checks what the platform would check, so that a bridge that passes here
// can be expected to work there. None of it needs a *testing.T: a program that drives the built binary can use it as well.
package bridgetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// TelegramOptions adjust a Telegram. The zero value is a server on a free port of 127.0.0.1 without rate limits.
type TelegramOptions struct {
	Addr         string         // where to listen, "127.0.0.1:0" when empty
	WebhookRetry time.Duration  // the pause after a webhook's first failure, doubled after each further one up to 50 times; 20ms
	Limits       TelegramLimits // rates over which a call gets 429; the zero value has none

	// Remember is how many messages of each chat can be replied to, edited and deleted, for long runs; all when it is 0.
	Remember int

	// SpinGuard brakes clients that poll in a circle, as Telegram does: the same offset again within 3 s waits for up to 3 s, within
	// half a second it gets one update at most, and a conflict within 3 s of another is told 3 s later.
	SpinGuard bool
}

// Telegram is a Bot API server with the people, the chats and the bots that a test puts there. All methods may be called by several
// goroutines at once.
type Telegram struct {
	opt    TelegramOptions
	addr   string // fixed after NewTelegram, so that the server is found again after Offline
	limits *limiter
	faults faultTable
	steps  stepHook
	calls  callCounts

	ctx  context.Context // ends with Close: ends polls, webhooks and stalled answers
	stop context.CancelFunc
	work sync.WaitGroup // webhook deliveries
	live sync.RWMutex   // held for reading by each request, so that Close can wait for them

	lineMu sync.Mutex // guards srv and served
	srv    *http.Server
	served chan struct{}

	mu     sync.Mutex // guards all below, and every Chat and Bot
	bots   map[string]*Bot
	chats  map[int64]*Chat
	people int64
	groups int64
	files  map[string]*storedFile // by file_id
	paths  map[string][]byte      // their content by file_path
	log    postLog
	nextID atomic.Int64

	noDrafts atomic.Bool // an older server
}

// NewTelegram starts a server. Close ends it.
func NewTelegram(o TelegramOptions) (*Telegram, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.WebhookRetry <= 0 {
		o.WebhookRetry = 20 * time.Millisecond
	}
	t := &Telegram{
		opt: o, limits: newLimiter(o.Limits), bots: map[string]*Bot{}, chats: map[int64]*Chat{}, files: map[string]*storedFile{}, paths: map[string][]byte{},
		people: 100_000_000 + rand.Int64N(100_000_000), groups: 1_000_000_000 + rand.Int64N(1_000_000_000),
	}
	t.log.inChat = map[int64][]int{}
	t.calls.byMethod = map[string]int{}
	t.ctx, t.stop = context.WithCancel(context.Background())
	ln, err := net.Listen("tcp", o.Addr)
	if err != nil {
		t.stop()
		return nil, fmt.Errorf("listen for the Telegram simulator: %w", err)
	}
	t.addr = ln.Addr().String()
	t.serve(ln)
	return t, nil
}

// URL is what a bridge's api_url must be, without a slash at the end.
func (t *Telegram) URL() string { return "http://" + t.addr }

// Close ends the server, all connections, requests and webhook deliveries, and waits for them. It must not be called from OnStep's
// function.
func (t *Telegram) Close() {
	t.stop()
	t.Offline()
	t.live.Lock() // waits for the requests: one that begins after it finds the context at its end, and begins no work
	defer t.live.Unlock()
	t.work.Wait()
}

// Offline makes the server unreachable: connections are cut, new ones are refused. State stays.
func (t *Telegram) Offline() {
	t.lineMu.Lock()
	defer t.lineMu.Unlock()
	if t.srv == nil {
		return
	}
	_ = t.srv.Close()
	<-t.served
	t.srv = nil
}

// Online makes the server reachable again at the same address.
func (t *Telegram) Online() error {
	t.lineMu.Lock()
	up := t.srv != nil
	t.lineMu.Unlock()
	if up {
		return nil
	}
	ln, err := net.Listen("tcp", t.addr)
	if err != nil {
		return fmt.Errorf("bring the Telegram simulator back: %w", err)
	}
	t.serve(ln)
	return nil
}

// serve takes over ln.
func (t *Telegram) serve(ln net.Listener) {
	t.lineMu.Lock()
	defer t.lineMu.Unlock()
	srv := &http.Server{Handler: http.HandlerFunc(t.handle), BaseContext: func(net.Listener) context.Context { return t.ctx }}
	done := make(chan struct{})
	t.srv, t.served = srv, done
	go func() {
		defer close(done)
		_ = srv.Serve(ln) // always http.ErrServerClosed, after Offline or Close
	}()
}

// BotOptions describe a bot. What is empty is made up.
type BotOptions struct {
	ID       int64
	Token    string // must begin with "ID:"
	Name     string
	Username string
	ReadsAll bool // its privacy mode is off: it hears everything in groups
}

// Bot is a bot account of a Telegram.
type Bot struct {
	ID       int64
	Token    string
	Name     string
	Username string
	ReadsAll bool

	queue   updateQueue
	webhook webhook
}

// AddBot makes a bot account.
func (t *Telegram) AddBot(o BotOptions) *Bot {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o.ID == 0 {
		t.people++
		o.ID = t.people
	}
	if o.Token == "" {
		o.Token = strconv.FormatInt(o.ID, 10) + ":" + randomText(35)
	}
	if o.Name == "" {
		o.Name = "Luna"
	}
	if o.Username == "" {
		o.Username = "luna" + strconv.FormatInt(o.ID, 10) + "_bot"
	}
	b := &Bot{ID: o.ID, Token: o.Token, Name: o.Name, Username: o.Username, ReadsAll: o.ReadsAll}
	b.queue.init()
	t.bots[o.Token] = b
	return b
}

// Revoke makes the bot's token invalid, as /revoke does: every call gets 401.
func (t *Telegram) Revoke(b *Bot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.bots, b.Token)
}

// bot returns the bot with the token, nil when there is none.
func (t *Telegram) bot(token string) *Bot {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bots[token]
}

// user returns the bot as Telegram shows it in messages.
func (b *Bot) user() wireUser {
	return wireUser{ID: b.ID, IsBot: true, FirstName: b.Name, Username: b.Username}
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// randomText returns n random letters and digits.
func randomText(n int) string {
	s := make([]byte, n)
	for i := range s {
		s[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return string(s)
}
