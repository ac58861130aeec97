package avatartest

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"avatarbridge/avatar"
)

// A bench opens subjects and closes them when its check is over.
type bench struct {
	t    *testing.T
	h    Harness
	open []*env

	voiced bool // people speak instead of writing
}

func (b *bench) close() {
	for _, e := range b.open {
		e.close()
	}
}

// env is one subject with all that is needed to talk to it.
type env struct {
	Subject
	h     Harness
	voice bool // people speak instead of writing
	ctx   context.Context
	asks  sync.WaitGroup
	stop  context.CancelFunc
	calls *server  // where a Listener hears; nil for other backends
	ears  sync.Map // of conversations, for callbacks
}

// env opens a fresh subject. For another one in the same check close the first, to save connections.
func (b *bench) env() (*env, error) {
	e := &env{Subject: b.h.New(b.t), h: b.h, voice: b.voiced}
	e.ctx, e.stop = context.WithCancel(context.Background())
	b.open = append(b.open, e)
	l, ok := e.Backend.(avatar.Listener)
	if !ok {
		return e, nil
	}
	var err error
	e.calls, err = listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ear, ok := e.ears.Load(strings.TrimPrefix(r.URL.Path, "/"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		l.Handler(ear.(avatar.Speaker)).ServeHTTP(w, r)
	}))
	return e, err
}

// close ends the service first, so that an Ask that obeys nothing ends too.
func (e *env) close() {
	e.stop()
	if e.Service != nil {
		e.Service.Close()
	}
	if e.calls != nil {
		e.calls.close()
	}
	done := make(chan struct{})
	go func() {
		e.asks.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(e.patience()): // the leak check names who hangs
	}
}
