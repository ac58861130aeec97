package relay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/relay"
	"avatarbridge/store"
)

// A sim is one schedule: a relay over its lives, between simulated platforms, services, people and a disk.
type sim struct {
	plan      plan
	script    script
	c         *conductor
	disk      disk
	platforms []*platform
	services  []*service
	outside   sync.WaitGroup // callbacks under way
	sounds
	bounds  bounds
	durable map[string]throttled // by scope: what must be kept after a restart

	healed  bool // nothing fails any more
	crashes int

	// What is known of messages, by event key or text.
	verdicts map[string]verdict
	order    []string // event keys as they were accepted
	turns    map[int64]asked
	unsaid   map[string]int    // how much had passed when the deletion of a message was stored, by its text
	sent     map[string]int    // how much had passed when it was stored that a post is there, by its id
	removals map[string]bool   // what was to be taken back, by its id on the platform
	drawing  map[string]string // texts by the id of the draft of an answer to them
	finished map[string]ending
	asks     map[string]int
	over     map[string]int      // how much had passed when a service was told that a conversation is over, by its uid
	rested   map[string]int      // how much had passed when asking a text had last come to an end
	handed   map[string]int      // how much had passed when a text was handed out to be asked, or what was said in it was fetched
	ended    map[string]bool     // conversations that were ended or reset, by label
	taken    map[string][]string // pieces of late replies that were answered with 200
	unheard  map[string]bool     // texts to which a late reply was never said: its connection ended with the program
	refused  []string            // texts to which a late reply was refused
	moved    []string
	rank     map[string]int // pieces to the place of their reply among all that were stored
	ranks    int

	// What an operator did: how much had passed when a message was forgotten, when a piece or a message was dropped; what was put back; since when
	// there is a pause.
	forgotten map[string]int
	dropTime  map[string]int
	dropped   []store.Letter
	revived   map[string]bool
	pauses    map[string]time.Time

	mu      sync.Mutex // guards what platforms and services do beside the conductor, and what follows
	now     *life      // nil: the program does not run
	flights map[string]*flight
	excused map[string]bool           // posts that were being sent when their person was forgotten
	inDoubt map[string]bool           // posts that may be there, as far as the program can know, by their ids
	wrote   map[string]*bridges.Event // messages by their event keys
	wrong   []string
}

// What is noted of a message.
type (
	verdict struct {
		store.Verdict
		turn bool
		word string // of the program, where it is no turn
		at   time.Time
	}
	asked struct {
		text, ref string // ref: of the recording in which it was said
		at        time.Time
	}
	ending struct {
		dead, awaits bool
		word         string // of the program, that was said in place of a reply
		replies      int
		step         int // how much had passed
		age          time.Duration
	}
)

// A life is the program from a start to its end.
type life struct {
	relay      *relay.Relay
	gate       *gate
	calls      int // of the store
	crashAt    int
	crashAfter bool
	over       atomic.Bool
	died       chan struct{}
	closing    atomic.Bool
	cancel     context.CancelFunc
	failed     chan struct{} // closed when Run has returned
	err        error

	busy      map[string]bool     // ids of posts of which a call is under way
	sending   map[int64]*platform // posts whose call has begun and whose end is not durable
	asking    map[string]string   // conversation to what is being asked in it
	asked     map[string]int      // how many turns each avatar is being asked at once
	answered  map[string]int      // turn ids that were asked with success
	ids       map[string]string   // of turns, by their texts
	throttles throttles
}

func (l *life) gone() bool { return l.over.Load() }

// hasFailed says whether Run has returned.
func (l *life) hasFailed() bool {
	select {
	case <-l.failed:
		return true
	default:
		return false
	}
}

func newSim(p plan, d disk, trace io.Writer) *sim {
	s := &sim{plan: p, disk: d, sounds: newSounds(), bounds: newBounds(), durable: map[string]throttled{}, rank: map[string]int{}, inDoubt: map[string]bool{}, wrote: map[string]*bridges.Event{}, c: newConductor(p.seed, trace), verdicts: map[string]verdict{}, turns: map[int64]asked{}, drawing: map[string]string{}, unsaid: map[string]int{}, sent: map[string]int{}, removals: map[string]bool{},
		finished: map[string]ending{}, asks: map[string]int{}, ended: map[string]bool{}, taken: map[string][]string{}, flights: map[string]*flight{},
		forgotten: map[string]int{}, dropTime: map[string]int{}, revived: map[string]bool{}, over: map[string]int{}, handed: map[string]int{}, rested: map[string]int{}, unheard: map[string]bool{}, pauses: map[string]time.Time{}, excused: map[string]bool{}}
	s.services = []*service{
		{name: "luna", hears: true}, {name: "sol", calls: true}, {name: "mond", calls: true, hears: true, patience: 30 * time.Second},
		{name: "stella", keeps: true, patience: 30 * time.Second},
	}
	for _, a := range s.services {
		a.s, a.said, a.concurrent = s, map[string][]string{}, p.concurrent
	}
	s.platforms = s.plan.platforms(s)
	s.makeSick()
	s.script = p.write(s)
	return s
}

// fail notes that an invariant does not hold.
func (s *sim) fail(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

// crash ends a life in the middle of a call of the store. What was on its way to a platform may arrive or not.
func (s *sim) crash(l *life, when string) {
	s.c.note("crash " + when)
	s.crashes++
	l.over.Store(true)
	s.mu.Lock()
	for _, key := range sortedKeys(s.flights) {
		f := s.flights[key]
		delete(s.flights, key)
		if s.c.chance(0.5) && f.p.moved[f.m.Place.Channel] == "" {
			f.arrives()
		}
	}
	for _, p := range s.platforms {
		for _, x := range p.posts {
			if row, _ := strconv.ParseInt(x.post, 36, 64); l.sending[row] != nil {
				x.doubtful = true
			}
		}
	}
	s.doubt(l)
	maps.Copy(s.left, s.owed)
	clear(s.owed)
	s.mu.Unlock()
	if err := s.disk.crash(); err != nil {
		s.fail("crash: %v", err)
	}
	close(l.died)
}

// doubt notes that nobody will know how the calls under way have ended. The sim is locked.
func (s *sim) doubt(l *life) {
	for post := range l.sending {
		s.inDoubt[postName(post)] = true
	}
}

// start begins a life.
func (s *sim) start(n int) error {
	l := &life{died: make(chan struct{}), failed: make(chan struct{}), sending: map[int64]*platform{}, throttles: newThrottles(s.durable), busy: map[string]bool{}, asked: map[string]int{}, asking: map[string]string{}, answered: map[string]int{}, ids: map[string]string{}}
	if n < len(s.plan.crashes) {
		l.crashAt, l.crashAfter = s.plan.crashes[n], s.plan.after[n]
	}
	st, err := s.disk.open()
	if err != nil {
		return err
	}
	l.gate = &gate{Store: st, s: s, life: l}
	cfg := relay.Config{
		Store:       l.gate,
		Messages:    relay.Messages{Unavailable: "UNAVAILABLE", Busy: "BUSY", TooOld: "TOO OLD", Hello: "HELLO", Reset: "RESET", NoReply: "NO REPLY", AINotice: "AI", NoVoice: "NO VOICE", NotHeard: "NOT HEARD"},
		Media:       ear{s, l},
		Log:         slog.New(slog.DiscardHandler),
		CallbackURL: func(avatar, token string) string { return avatar + "#" + token },
		MaxWaiting:  s.plan.waiting,
		Grace:       time.Second,
	}
	for _, a := range s.services {
		cfg.Avatars = append(cfg.Avatars, relay.Avatar{Name: a.name, Backend: a.connect(l), MaxConcurrent: a.concurrent})
	}
	for _, p := range s.platforms {
		settings, routes := s.settings(p)
		cfg.Bridges = append(cfg.Bridges, relay.Bridge{Name: p.name, Platform: "telegram", Bridge: p.connect(l), AllRooms: true, HoldUnclear: p.holds,
			MaxInFlight: p.inFlight, Default: settings, Routes: routes})
	}
	cfg.SetJitter(func(limit time.Duration) time.Duration {
		return time.Duration(hashed(s.plan.seed, fmt.Sprint(limit, time.Now().UnixNano()), int(limit)))
	})
	if l.relay, err = relay.New(cfg); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	s.mu.Lock()
	s.now = l
	s.mu.Unlock()
	go func() {
		defer close(l.failed)
		l.err = l.relay.Run(ctx)
	}()
	return nil
}

// end ends a life cleanly, unless it crashes meanwhile, and waits until nothing of it is left.
func (s *sim) end() {
	l := s.now
	if !l.gone() {
		l.closing.Store(true)
	}
	l.cancel()
	if <-l.failed; l.err != nil && !l.gone() && !errors.Is(l.err, errDisk) && !errors.Is(l.err, context.Canceled) {
		s.fail("run: %v", l.err)
	}
	s.mu.Lock()
	s.now = nil
	s.mu.Unlock()
	if l.gone() {
		return
	}
	l.over.Store(true)
	s.mu.Lock()
	s.doubt(l)
	s.mu.Unlock()
	if err := s.disk.close(); err != nil {
		s.fail("close: %v", err)
	}
	s.forgets()
}

// run plays the schedule to its end, and checks it.
func (s *sim) run() error {
	stop, conducted := make(chan struct{}), make(chan struct{})
	go func() { defer close(conducted); s.c.run(stop) }()
	defer func() { close(stop); <-conducted }()
	written := make(chan struct{})
	go func() { defer close(written); s.script.play(); time.Sleep(s.plan.linger) }()
	if err := s.start(0); err != nil {
		return err
	}
	s.script.work()
	restart := time.Now().Add(s.plan.restart)
	for n := 1; ; n++ {
		if s.await(written, restart) {
			return s.heal()
		}
		if !time.Now().Before(restart) {
			restart = time.Now().Add(1000 * time.Hour)
		}
		s.end()
		time.Sleep(s.plan.down)
		if err := s.start(n); err != nil {
			return err
		}
	}
}

// await waits until the life is over or due to be restarted, or the schedule is played. Where more than one is true the first of these counts,
// which a select alone would leave to chance.
func (s *sim) await(played <-chan struct{}, restart time.Time) (over bool) {
	due := time.NewTimer(time.Until(restart))
	defer due.Stop()
	select {
	case <-s.now.died:
	case <-s.now.failed:
	case <-due.C:
	case <-played:
	}
	return !s.now.gone() && !s.now.hasFailed() && time.Now().Before(restart)
}

// heal lets nothing fail any more and waits until everything has come to its end.
func (s *sim) heal() error {
	s.c.pass("heal")
	s.healed = true
	if s.now.gone() || s.now.hasFailed() {
		s.end()
		if err := s.start(len(s.plan.crashes)); err != nil {
			return err
		}
	}
	for range 60 * 30 {
		time.Sleep(time.Minute)
		if quiet, err := s.quiet(); err != nil {
			return err
		} else if quiet {
			break
		}
	}
	s.outside.Wait()
	time.Sleep(time.Hour + 7*time.Second) // not in the instant of a chore
	s.check()
	s.end()
	return nil
}

// quiet says whether nothing is left to be done.
func (s *sim) quiet() (bool, error) {
	d, err := s.base().Depth(context.Background())
	if err != nil {
		return false, fmt.Errorf("read what waits: %w", err)
	}
	waits := 0
	for _, n := range d.Turns {
		waits += n
	}
	for _, n := range d.Posts {
		waits += n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.platforms {
		for i := range p.log {
			if !p.acked[keyOf(&p.log[i])] {
				waits++
			}
		}
	}
	return waits == 0, nil
}

// base is the store without the gate.
func (s *sim) base() store.Store {
	st, err := s.disk.open()
	if err != nil {
		s.fail("open: %v", err)
	}
	return st
}

// labelOf is the conversation that a text was written in.
func labelOf(text string) string {
	label, _, _ := strings.Cut(text, ".")
	return label
}

var _ bridges.Bridge = (*arm)(nil)
