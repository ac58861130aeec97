// Package web is people with a chat page open, who cost little: each has a cookie, a stream of what is new, and writes with a call that it
// repeats under the same id until it is taken, as the page does. Their browsers come back at once when a stream ends.
package web

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// The steps of the wire, in the order in which a message comes by.
const (
	PageLoaded    = "web: page loaded"
	StreamOpened  = "web: stream opened"
	MessagePosted = "web: message posted"
	MessageTaken  = "web: message taken"
	ReplyStreamed = "web: reply streamed"
)

// maxCalls is how many messages are posted at once.
const maxCalls = 1000

// again is how soon is tried anew what has failed. The page's own pauses are longer.
const again = 50 * time.Millisecond

// Server is the people on one chat page. It serves nothing: it is what a server of a platform is elsewhere.
type Server struct {
	ledger *ledger.Ledger
	hooks  wire.Hooks
	client *wire.Client
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	host     string // where the program listens
	path     string // of the page
	people   map[int]*visitor
	waiting  int // messages that are not taken
	knocking bool
	over     bool
}

// New makes the people of a chat page. CallAt must be called before anybody comes, and Close in the end.
func New(l *ledger.Ledger, h wire.Hooks) (*Server, error) {
	s := &Server{ledger: l, hooks: h, client: wire.NewClient(maxCalls), people: map[int]*visitor{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.client.Sent = func() { h.Reach(MessagePosted) }
	return s, nil
}

// Close lets everybody leave.
func (s *Server) Close() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.cancel()
	s.client.Close()
	s.work.Wait()
}

// CallAt says at which address the program listens, and the bridge's name.
func (s *Server) CallAt(address, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.host, s.path = strings.TrimPrefix(address, "http://"), "/chat/"+name
}

// Section is the bridge's section of the configuration. All people come from one address, so that there is no limit for one.
func (s *Server) Section(name, avatar, more string) string {
	return fmt.Sprintf("[bridges.%s]\nplatform = \"web\"\navatar = %q\nper_address = \"off\"\nmax_per_address = 0\nmax_connections = 1000000\n%s\n",
		name, avatar, more)
}

// Break does nothing: the program calls nobody here.
func (s *Server) Break(*wire.Fault) {}

// Unconfirmed counts the messages that the program has not taken.
func (s *Server) Unconfirmed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

// start runs f unless the people are leaving. It needs s.mu.
func (s *Server) start(f func()) {
	if !s.over { // else nobody would wait for it
		s.work.Go(f)
	}
}

// Knock finds out from when on a program that was started hears what is written.
func (s *Server) Knock() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.knocking {
		return
	}
	s.knocking = true
	s.start(func() {
		for {
			if cookie, err := s.load(); err == nil && cookie != "" {
				break
			}
			if !s.pause(time.Millisecond) {
				return
			}
		}
		s.mu.Lock()
		s.knocking = false
		s.mu.Unlock()
		s.hooks.Hear()
	})
}

// pause waits for d and reports whether people stay.
func (s *Server) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-s.ctx.Done():
		return false
	}
}

// Enter lets the people of some chats come, and returns when all have the page open.
func (s *Server) Enter(ctx context.Context, chats []int) error {
	for _, chat := range chats {
		s.mu.Lock()
		v := s.visitor(chat)
		s.mu.Unlock()
		select {
		case <-v.here:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-time.After(time.Minute):
			return fmt.Errorf("the chat page was not open within a minute")
		}
	}
	return nil
}

// Write lets the person of a chat write message n there.
func (s *Server) Write(chat, n int) {
	s.ledger.Written(chat, n)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting++
	v := s.visitor(chat)
	if v.queue = append(v.queue, n); len(v.queue) == 1 {
		s.start(func() { v.speak() })
	}
}

// visitor is the person of a chat, who comes when there is none. It needs s.mu.
func (s *Server) visitor(chat int) *visitor {
	v := s.people[chat]
	if v == nil {
		v = &visitor{of: s, chat: chat, known: make(chan struct{}), here: make(chan struct{})}
		s.people[chat] = v
		s.start(v.stay)
	}
	return v
}
