package discord

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"avatarbridge/bridges/fault"
)

// A session is what the gateway lets a connection go on with.
type session struct {
	ID  string `json:"s"`
	URL string `json:"u"` // where it can be resumed, "" when Discord does not say
	Seq int64  `json:"q"` // of the last event
}

// A shard keeps one connection to the gateway open.
type shard struct {
	*listener
	n, of   int
	session session // of the events that were put into the intake; the zero value when there is none to resume
}

// An item is what a shard puts into the intake: an event of the gateway, or that all before it has come.
type item struct {
	shard   int
	session string // the session's id
	seq     int64
	at      time.Time // when it came
	begins  *session  // a new session begins, so there may be a gap before it
	events  []heard
	signs   []sign // that something was written, in channels that Discord names
}

// run stays connected until ctx ends. Its error is Run's.
func (s *shard) run(ctx context.Context) error {
	pause := fault.Backoff{Least: s.bridge.least, Most: time.Minute}
	for {
		ready, err := s.connect(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if refused(err) {
			return hopelessToken(err)
		}
		if err := stops(err); err != nil {
			return err
		}
		err = lost(err)
		s.lines.down(s.n, err)
		s.log.Info("a connection to Discord has ended; connecting again", "shard", s.n, "err", err)
		if ready {
			pause.Reset()
		}
		_, invalid := errors.AsType[*invalidSession](err)
		switch {
		case ready && errors.Is(err, errReconnect):
			err = nil
		case invalid: // "a random amount of time between 1 and 5 seconds"
			err = sleep(ctx, 2*s.bridge.least+rand.N(8*s.bridge.least))
		default:
			err = pause.Wait(ctx, err)
		}
		if err != nil {
			return nil
		}
	}
}

// connect opens a connection and hears it until it ends. ready says that it had a session.
func (s *shard) connect(ctx context.Context) (ready bool, err error) {
	resumes, gateway := s.session.ID != "", s.session.URL
	if !resumes || gateway == "" {
		st, err := s.bridge.starting(ctx)
		if err != nil {
			return false, err
		}
		gateway = st.URL
		if !resumes {
			left, err := s.bridge.gate.enter(ctx, s.n%int(st.Limit.Concurrency))
			if err != nil {
				return false, err
			}
			defer left(false)
			if st, err = s.bridge.starting(ctx); err == nil { // others have begun sessions while this one waited for its turn
				err = st.exhausted(s.of)
			}
			if err != nil {
				return false, err
			}
			return s.hear(ctx, gateway, func(sock *socket) error {
				defer left(true)
				return sock.identify(s.bridge.cfg.Token, s.n, s.of, s.bridge.intents())
			})
		}
	}
	s.session.URL = "" // asked for anew if this one does not answer
	return s.hear(ctx, gateway, func(sock *socket) error {
		s.session.URL = gateway
		return sock.resume(s.bridge.cfg.Token, s.session.ID, s.session.Seq)
	})
}

// hear opens a connection, says with which session it begins, and takes what comes until it ends.
func (s *shard) hear(ctx context.Context, gateway string, begin func(*socket) error) (ready bool, err error) {
	sock, end, err := s.bridge.dial(ctx, gateway)
	if err != nil {
		return false, err
	}
	var beats sync.WaitGroup
	beating, stop := context.WithCancel(ctx)
	defer beats.Wait()
	defer stop()
	defer end()
	every, err := sock.hello()
	if err != nil {
		return false, err
	}
	if err := begin(sock); err != nil {
		return false, err
	}
	beats.Go(func() { sock.beat(beating, every) })
	_ = sock.ws.SetReadDeadline(time.Now().Add(readyWithin))
	for {
		f, err := sock.read()
		if err != nil {
			if losesSession(err) {
				s.session = session{}
			}
			return ready, err
		}
		began, err := s.take(ctx, sock, f)
		if err != nil {
			if losesSession(err) {
				s.session = session{}
			}
			return ready, err
		}
		if began {
			ready = true
			_ = sock.ws.SetReadDeadline(time.Time{}) // heartbeats watch from here on
		}
	}
}

// take does what a payload asks for. began says that there is a session from now on.
func (s *shard) take(ctx context.Context, sock *socket, f *frame) (began bool, err error) {
	if f == nil {
		s.log.Warn("left out a payload of Discord's gateway that cannot be read", "shard", s.n)
		return false, nil
	}
	switch f.Op {
	case opHeartbeat:
		return false, sock.heartbeat()
	case opAck:
		sock.unheard.Store(0)
		s.lines.alive(s.n)
		return false, s.put(ctx, sock, item{seq: s.session.Seq})
	case opReconnect:
		return false, errReconnect
	case opInvalid:
		return false, &invalidSession{resumable: string(f.Data) == "true"}
	case opDispatch:
		return s.dispatched(ctx, sock, f)
	}
	return false, nil
}

// dispatched takes an event.
func (s *shard) dispatched(ctx context.Context, sock *socket, f *frame) (began bool, err error) {
	it := item{seq: int64(f.Seq)}
	switch f.Type {
	case "READY":
		var ready struct {
			Session string `json:"session_id"`
			URL     string `json:"resume_gateway_url"`
		}
		if json.Unmarshal(f.Data, &ready) != nil || ready.Session == "" {
			return false, errHello
		}
		s.session = session{ID: ready.Session, URL: ready.URL}
		it.begins = &session{ID: ready.Session, URL: ready.URL, Seq: it.seq}
		began = true
	case "RESUMED":
		began = true
	default:
		it.events, it.signs = s.decode(string(f.Type), f.Data)
		s.postpone(ctx, it.events)
	}
	if it.seq > 0 {
		sock.seq.Store(it.seq)
	}
	if err := s.put(ctx, sock, it); err != nil {
		return false, err
	}
	s.session.Seq = max(s.session.Seq, it.seq)
	if began {
		s.lines.up(s.n)
		s.log.Info("connected to Discord", "shard", s.n, "shards", s.of, "resumed", f.Type == "RESUMED")
	}
	return began, nil
}

// put puts something into the intake. While that is full, the connection waits, and with it Discord.
func (s *shard) put(ctx context.Context, sock *socket, it item) error {
	it.shard, it.session, it.at = s.n, s.session.ID, time.Now()
	select {
	case s.items <- it:
		return nil
	default:
	}
	defer sock.unheard.Store(0) // the acknowledgements of meanwhile are still to be read
	select {
	case s.items <- it:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
