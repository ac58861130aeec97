package bridgetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// SlackOptions adjust a Slack. The zero value is a server on a free port of 127.0.0.1 without rate limits, in real time.
type SlackOptions struct {
	Addr   string      // where to listen, "127.0.0.1:0" when empty
	Limits SlackLimits // rates over which a call gets 429; the zero value has none

	// AckWithin is how long an event may stay without acknowledgement, 3s when 0. Retries are the pauses before it is sent again, each
	// counted from the failure before it: at once, 1 and 5 minutes when nil. All are times of the simulator's clock.
	AckWithin time.Duration
	Retries   []time.Duration

	// Ping is the pause between the server's pings on a socket, in real time: 10s when 0, none when below 0.
	Ping time.Duration

	// InOrder holds an event back until the earlier ones of its channel were acknowledged or given up. Slack promises no order: an app
	// with several sockets, or with HTTP, can get two messages that were written at once in either order.
	InOrder bool
	// OneByOne makes InOrder hold for all events of an app, of whichever channel.
	OneByOne bool

	// Remember is how many messages of each channel and how many requests are kept, for long runs; all when it is 0.
	Remember int
}

// Slack is a Web API server, a Socket Mode server and a sender of events over HTTP, with the workspaces, people, channels and apps that
// a test puts there. All methods may be called by several goroutines at once.
type Slack struct {
	opt    SlackOptions
	addr   string // fixed after NewSlack, so that the server is found again after Offline
	clock  *slackClock
	faults slackFaults
	steps  slackStepHook
	log    slackLog
	out    slackOutbox
	limits slackLimiter

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	work sync.WaitGroup // the clock, sockets, deliveries over HTTP
	live sync.RWMutex   // held for reading by each request, so that Close can wait for them

	lineMu sync.Mutex // guards srv and served
	srv    *http.Server
	served chan struct{}

	mu       sync.Mutex // guards all below, and every SlackTeam, SlackUser, SlackChannel and SlackApp
	nextID   int64
	lastTS   int64 // microseconds
	teams    map[string]*SlackTeam
	users    map[string]*SlackUser
	channels map[string]*SlackChannel
	directs  map[string]*SlackChannel // by app and person
	order    []*SlackChannel          // in the order of their making, for lists
	apps     map[string]*SlackApp
	files    map[string]*slackFile
	uploads  map[string]*slackUpload // by the path of the upload URL
	hooks    map[string]*slackHook   // response URLs by their path
	tickets  map[string]*slackTicket // of sockets
	statuses map[string]*slackStatus // what an assistant is doing, by channel and thread
	groups   []*slackGroup
}

// NewSlack starts a server. Close ends it.
func NewSlack(o SlackOptions) (*Slack, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.AckWithin <= 0 {
		o.AckWithin = 3 * time.Second
	}
	if o.Retries == nil {
		o.Retries = []time.Duration{0, time.Minute, 5 * time.Minute}
	}
	if o.Ping == 0 {
		o.Ping = 10 * time.Second
	}
	s := &Slack{
		opt: o, clock: newSlackClock(), nextID: rand.Int64N(1 << 30), teams: map[string]*SlackTeam{}, users: map[string]*SlackUser{},
		channels: map[string]*SlackChannel{}, directs: map[string]*SlackChannel{}, apps: map[string]*SlackApp{}, files: map[string]*slackFile{},
		uploads: map[string]*slackUpload{}, hooks: map[string]*slackHook{}, tickets: map[string]*slackTicket{},
		statuses: map[string]*slackStatus{},
	}
	s.out.init()
	s.log.init(o.Remember)
	s.limits.init(o.Limits)
	s.ctx, s.stop = context.WithCancel(context.Background())
	ln, err := net.Listen("tcp", o.Addr)
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("listen for the Slack simulator: %w", err)
	}
	s.addr = ln.Addr().String()
	s.work.Go(func() { s.clock.run(s.ctx) })
	s.serve(ln)
	return s, nil
}

// URL is what a bridge's api_url must be: the Web API's address with a slash at the end.
func (s *Slack) URL() string { return s.base() + "/api/" }

func (s *Slack) base() string { return "http://" + s.addr }

// Now is the simulator's time.
func (s *Slack) Now() time.Time { return s.clock.now() }

// Advance moves the simulator's clock forward. What becomes due on the way (redeliveries, the end of response URLs and of statuses)
// happens before it returns, each at its time; so an app gets no chance to acknowledge within one long step.
func (s *Slack) Advance(d time.Duration) {
	s.clock.advance(d)
	s.log.signal()
}

// Close ends the server, all sockets, requests and deliveries, and waits for them. It must not be called from OnStep's function.
func (s *Slack) Close() {
	s.stop()
	s.out.close()
	s.Offline()
	s.live.Lock() // waits for the requests: one that begins after it finds the context at its end, and begins no work
	defer s.live.Unlock()
	s.work.Wait()
}

// Offline makes the server unreachable: connections and sockets are cut, new ones are refused, events fail and are sent again later.
// State stays.
func (s *Slack) Offline() {
	s.lineMu.Lock()
	defer s.lineMu.Unlock()
	if s.srv == nil {
		return
	}
	s.out.setOffline(true)
	_ = s.srv.Close()
	<-s.served
	s.srv = nil
	for _, c := range s.out.connections(nil) {
		c.Cut()
	}
}

// Online makes the server reachable again at the same address.
func (s *Slack) Online() error {
	s.lineMu.Lock()
	up := s.srv != nil
	s.lineMu.Unlock()
	if up {
		return nil
	}
	ln, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("bring the Slack simulator back: %w", err)
	}
	s.out.setOffline(false)
	s.serve(ln)
	return nil
}

// serve takes over ln.
func (s *Slack) serve(ln net.Listener) {
	s.lineMu.Lock()
	defer s.lineMu.Unlock()
	srv := &http.Server{Handler: http.HandlerFunc(s.handle), BaseContext: func(net.Listener) context.Context { return s.ctx }}
	done := make(chan struct{})
	s.srv, s.served = srv, done
	go func() {
		defer close(done)
		_ = srv.Serve(ln) // always http.ErrServerClosed, after Offline or Close
	}()
}
