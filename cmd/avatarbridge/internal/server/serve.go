// Package server builds the program's two HTTP servers from the handlers that its other parts bring along: the public one for
// platforms, services and people, and the one for the operator.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"syscall"
	"time"
)

// shutdownGrace is how long requests under way may take when the program stops; the program itself has ten seconds.
const shutdownGrace = 5 * time.Second

// ErrInUse means that an address cannot be listened on since somebody does.
var ErrInUse = errors.New("the port is in use by another program, or this one runs already")

// Listen listens on addr. key is the configuration's name of the address, for the error, which is ErrInUse when somebody listens there.
func Listen(ctx context.Context, key, addr string) (net.Listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s = %q: %w: set another address", key, addr, ErrInUse)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s = %q: this user may not listen on the port: set one above 1023", key, addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s = %q: this machine has no such address", key, addr)
	}
	return nil, fmt.Errorf("%s = %q: %w", key, addr, err)
}

// Serve serves handler on ln until ctx ends, then takes no new requests, waits for those under way for at most five seconds, closes all
// connections, and returns nil. An error means that the listener failed. It closes ln in any case. A panic of a handler is logged with the
// pattern of its route, never with the path, which may hold a token.
func Serve(ctx context.Context, ln net.Listener, handler http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           recovered(handler, log),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // broken connections of others: no fault of ours
	}
	stopped := make(chan struct{})
	cancelled := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			_ = srv.Close() // what is still open now is cut off on purpose
		}
	})
	err := srv.Serve(ln)
	if cancelled() { // the listener failed by itself
		return errors.Join(fmt.Errorf("serve %s: %w", ln.Addr(), err), srv.Close())
	}
	<-stopped
	return nil
}

// recovered answers 500 when a handler panics.
func recovered(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p) // a handler's way to cut the connection
			}
			// The value of the panic may quote what was sent; the stack holds no values.
			log.Error("a request ended in a programming error", "route", r.Pattern, "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			http.Error(w, "internal error", http.StatusInternalServerError)
		}()
		next.ServeHTTP(w, r)
	})
}
