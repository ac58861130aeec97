package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"avatarbridge/bridges"
	"avatarbridge/bridges/relay"
	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/cmd/avatarbridge/internal/control"
	"avatarbridge/cmd/avatarbridge/internal/metrics"
	"avatarbridge/cmd/avatarbridge/internal/server"
	"avatarbridge/store"
	"avatarbridge/store/sqlite"
)

type runCommand struct{}

// Run serves until ctx ends, which is no error.
func (runCommand) Run(ctx context.Context, p *program) error {
	p.cutShort.Store(0) // all that matters is in the store
	c, err := p.load()
	if err != nil {
		return err
	}
	log := newLog(p.err, c.Log, c.Secrets)
	s := &service{program: p, config: c, log: log, outside: newOutside(c, log)}
	if err := s.build(); err != nil {
		return err
	}
	if err := s.run(ctx); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// A service is the running program.
type service struct {
	*program
	config  *config.Config
	log     *slog.Logger
	outside *outside
	avatars []relay.Avatar
	bridges []relay.Bridge

	public, admin stage
}

// build makes what is configured, without any I/O.
func (s *service) build() (err error) {
	if s.avatars, err = buildAvatars(s.config, s.outside); err != nil {
		return err
	}
	s.bridges, err = buildBridges(s.config, s.outside, s.avatars)
	return err
}

// run listens first, so that a platform that calls meanwhile is told to come again, then opens the store and lets the relay work. All of
// it ends with ctx, and the store is closed last.
func (s *service) run(ctx context.Context) error {
	s.public.set(server.Public(s.closed()))
	s.admin.set(server.Admin(server.AdminParts{Status: starting, Control: http.HandlerFunc(startingControl)}))
	public, err := server.Listen(ctx, "server.listen", s.config.Server.Listen)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	admin, err := server.Listen(ctx, "server.admin_listen", s.config.Server.AdminListen)
	if err != nil {
		return errors.Join(unlessStopped(ctx, err), public.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	bounds := server.DefaultBounds(s.config.Server.Proxies)
	outer := server.Wary(s.config.Server.Proxies, s.log, server.Behind(s.config.Server.Proxies, server.Shared(bounds, &s.public)))
	group.Go(func() error { return server.Serve(ctx, server.Bounded(public, bounds), outer, s.log) })
	group.Go(func() error { return server.Serve(ctx, admin, &s.admin, s.log) })
	group.Go(func() error { return s.work(ctx, public.Addr(), admin.Addr()) })
	return group.Wait()
}

// work runs the relay on the opened store.
func (s *service) work(ctx context.Context, public, admin net.Addr) (err error) {
	st, err := openStore(ctx, s.config, s.log)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := endTerminal(ctx, st); err != nil {
		return unlessStopped(ctx, err)
	}
	token, err := adminToken(s.config)
	if err != nil {
		return err
	}
	set := metrics.New()
	file := &image{}
	calm := newCalm(set, func() { giveBack(); file.letGo() })
	defer calm.stop()
	cfg := relayConfig(s.config, s.outside)
	cfg.Store, cfg.Meter, cfg.Avatars, cfg.Bridges = st, calm, s.avatars, s.bridges
	r, err := relay.New(cfg)
	if err != nil {
		return err
	}
	set.Watch(metrics.Sources{Depth: st.Depth, Status: r.Status})
	parts := s.closed()
	parts.Status, parts.Callback, parts.Media = r.Status, r.Callback(), s.outside.media
	parts.Webhooks = listeners(s.bridges)
	parts.Ready = func() bool { return r.Status().Running }
	s.public.set(server.Public(parts))
	s.admin.set(server.Admin(server.AdminParts{
		Status: r.Status, Writable: st.Writable, Metrics: set.Handler(),
		Control: control.Handler(control.Local{Store: st, Relay: r, Bridges: bridgeNames(s.config), Recordings: s.outside.media}, token),
	}))
	if err := s.welcome(ctx, st, public, admin); err != nil {
		return unlessStopped(ctx, err)
	}
	ctx, stop := context.WithCancel(ctx)
	var chores sync.WaitGroup
	chores.Go(func() { s.outside.media.Run(ctx) })
	err = unlessStopped(ctx, r.Run(ctx))
	stop()
	chores.Wait()
	return err
}

// unlessStopped leaves out an error of a start that was interrupted on purpose.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// listeners are the bridges that hear their platform over HTTP.
func listeners(all []relay.Bridge) map[string]http.Handler {
	found := map[string]http.Handler{}
	for _, b := range all {
		if w, ok := b.Bridge.(bridges.Webhook); ok {
			found[b.Name] = w.Handler()
		}
	}
	return found
}

// sites are the bridges with pages of their own, in the configuration's order.
func sites(all []relay.Bridge) []server.Site {
	var found []server.Site
	for _, b := range all {
		if site, ok := b.Bridge.(bridges.Site); ok {
			found = append(found, server.Site{Name: b.Name, Handler: site.Site()})
		}
	}
	return found
}

// closed is the public side before the store is open: every path that will be there answers 503, but for pages.
func (s *service) closed() server.PublicParts {
	parts := server.PublicParts{
		Callback: http.NotFoundHandler(), Media: http.NotFoundHandler(), Webhooks: map[string]http.Handler{},
		Status: starting, Ready: func() bool { return false }, Sites: sites(s.bridges),
	}
	for _, b := range s.config.Bridges {
		parts.Webhooks[b.Name] = http.NotFoundHandler()
	}
	return parts
}

// starting is the state until the store is open.
func starting() relay.Status { return relay.Status{Store: "it is being opened"} }

// startingControl answers commands that come before there is anything to command, in the form that control reads.
func startingControl(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, `{"error":"the program is still starting: try again in a moment"}`) // a client that went away needs no answer
}

// A stage serves what is on it now.
type stage struct{ handler atomic.Pointer[http.Handler] }

func (s *stage) set(h http.Handler) { s.handler.Store(&h) }

// ServeHTTP passes the request on.
func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*s.handler.Load()).ServeHTTP(w, r)
}

func bridgeNames(c *config.Config) []string {
	names := make([]string, len(c.Bridges))
	for i, b := range c.Bridges {
		names[i] = b.Name
	}
	return names
}

// openStore opens the configured store. Its errors say what to do about them.
func openStore(ctx context.Context, c *config.Config, log *slog.Logger) (store.Store, error) {
	st, err := sqlite.Open(ctx, sqlite.Config{
		Path: c.Store.Path, Log: log, NewID: uuid.NewString,
		MaxPages: int(c.Store.MaxBytes / 4096), Reserve: int(c.Store.MaxBytes / 4096 / 4),
	})
	switch {
	case errors.Is(err, store.ErrLocked):
		return nil, fmt.Errorf("open the database %s: %w: stop the program that runs there, or give this one a store.url of its own", c.Store.Path, err)
	case errors.Is(err, store.ErrNewer):
		return nil, fmt.Errorf("open the database %s: %w: use the newer program, or restore the backup that it made beside the database", c.Store.Path, err)
	case err != nil:
		if f := folder(c.Store.Path); !f.OK && ctx.Err() == nil {
			return nil, fmt.Errorf("%s: %s", f.What, f.Fix) // the database's own words are a number
		}
		return nil, fmt.Errorf("the database cannot be opened: %w", err) // which names it
	}
	return st, nil
}
