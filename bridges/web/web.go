// Package web is the bridge to a chat page of the program's own.
//
// A browser is a visitor from its first look at the page: a cookie holds a random token, whose hash is the person's and the chat's id. What
// a visitor writes comes as a POST with an id that the page made up, and is acknowledged once it is stored; the page repeats what was not
// acknowledged. What is to be shown comes over one stream of server-sent events a page (stream.go). The stream tells nothing by heart: whatever
// was written or posted is read from the relay's feed, in the order of its ids, from where the page has got to. So a page that was away
// misses nothing and shows nothing twice, whether it or the program was restarted. Only dots and drafts go to the open pages directly.
package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"avatarbridge/bridges"
)

// Bridge is one chat page. It implements bridges.Bridge and its abilities Typer, Drafter, Feeder, Site and Fetcher.
type Bridge struct {
	cfg     Config
	media   bridges.Media
	log     *slog.Logger
	base    string // "/chat/NAME"
	policy  string // the page's Content-Security-Policy
	files   *assets
	face    func() (*face, error) // nil and nil when none is configured
	cross   *http.CrossOriginProtection
	hub     *hub
	limit   *addressLimit
	voices  uploads
	signer  atomic.Pointer[signer] // of cookies; nil before Run has opened the first time
	session atomic.Pointer[session]

	heartbeat time.Duration // between two signs of life to a page
	patience  time.Duration // for one write to a page, and for the body of a message
	now       func() time.Time
}

var (
	_ bridges.Bridge  = (*Bridge)(nil)
	_ bridges.Typer   = (*Bridge)(nil)
	_ bridges.Drafter = (*Bridge)(nil)
	_ bridges.Feeder  = (*Bridge)(nil)
	_ bridges.Site    = (*Bridge)(nil)
	_ bridges.Fetcher = (*Bridge)(nil)
)

// New makes a bridge for a cfg that Validate found nothing wrong with. It does no I/O. Without media (nil) there is no sound in either
// direction, only links to it.
func New(cfg Config, media bridges.Media, log *slog.Logger) (*Bridge, error) {
	if faults := cfg.Validate(); len(faults) > 0 {
		return nil, fmt.Errorf("web: %s %s", faults[0].Key, faults[0].Problem)
	}
	paces, err := parseRates(cfg.PerAddress)
	if err != nil {
		return nil, fmt.Errorf("web: per_address %w", err)
	}
	files, err := loadAssets()
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b := &Bridge{
		cfg: cfg, media: media, log: log.With("bridge", cfg.Name), base: "/chat/" + cfg.Name, policy: policy(cfg.Origins), files: files,
		face:  sync.OnceValues(func() (*face, error) { return readFace(cfg.Face) }),
		cross: http.NewCrossOriginProtection(), hub: newHub(cfg), limit: newAddressLimit(paces),
		heartbeat: 15 * time.Second, patience: 20 * time.Second, now: time.Now,
	}
	if o := originOf(cfg.PublicURL); o != "" { // where a proxy tells us another host name than the browser
		if err := b.cross.AddTrustedOrigin(o); err != nil {
			return nil, fmt.Errorf("web: the program's public address: %w", err)
		}
	}
	return b, nil
}

// A session is the time from Run's Open to the end of its context.
type session struct {
	rx    bridges.Receiver
	ctx   context.Context
	epoch string // of the ids of items
	mu    sync.Mutex
	over  bool
	work  sync.WaitGroup // requests that use rx
}

// enter registers a request that uses rx. Nil means that Run has not opened yet or is at its end; otherwise the caller calls work.Done.
func (b *Bridge) enter() *session {
	s := b.session.Load()
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return nil
	}
	s.work.Add(1)
	return s
}

// within is ctx until the session ends: a receiver that hangs must not keep Run from returning.
func (s *session) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// Run implements bridges.Bridge. It only lets requests in: the program's public server brings them. When it returns, no request uses rx
// any more, and all streams have ended.
func (b *Bridge) Run(ctx context.Context, rx bridges.Receiver) error {
	s, err := b.open(ctx, rx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("open the page: %w", err)
	}
	if _, err := b.face(); err != nil {
		b.log.Warn("the page draws a letter in place of the picture", "error", err)
	}
	b.session.Store(s)
	rx.Health(nil)
	b.log.Info("the chat page is open", "path", b.base)
	<-ctx.Done()
	b.session.Store(nil)
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.work.Wait()
	return nil
}

// open makes the session, and knows from then on which cookies are the bridge's.
func (b *Bridge) open(ctx context.Context, rx bridges.Receiver) (*session, error) {
	if _, err := rx.Open(ctx, "web:"+b.cfg.Name); err != nil {
		return nil, err
	}
	secret, err := rx.Secret(ctx)
	if err != nil {
		return nil, err
	}
	epoch, err := rx.Epoch(ctx)
	if err != nil {
		return nil, err
	}
	b.signer.Store((*signer)(&secret))
	return &session{rx: rx, ctx: ctx, epoch: epoch}, nil
}
