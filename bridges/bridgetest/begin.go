package bridgetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// Begin runs b until stop is called, ctx ends or the test does. stop returns Run's error and may be called again.
func Begin(ctx context.Context, t testing.TB, b bridges.Bridge, rx bridges.Receiver) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx, rx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}

// Ends runs b until Run returns by itself, and returns its error. Unless it is nil, connected is called as soon as b is connected. The test fails when ctx
// ends before.
func Ends(ctx context.Context, t testing.TB, b bridges.Bridge, rx *Receiver, connected func()) error {
	t.Helper()
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- b.Run(running, rx) }()
	if connected != nil {
		if err := rx.WaitHealth(ctx, false); err != nil {
			t.Fatal(err)
		}
		connected()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		<-done
		t.Fatal("Run goes on")
		return nil
	}
}

// Outcome fails the test unless err is an outcome of the kind that says reason, and tells none of the secrets. It returns the outcome.
func Outcome(t testing.TB, err error, want fault.Kind, reason string, secrets ...string) *fault.Outcome {
	t.Helper()
	o, ok := errors.AsType[*fault.Outcome](err)
	if !ok || o.Kind != want || !strings.Contains(o.Error(), reason) {
		t.Fatalf("got %v, want %v with %q", err, want, reason)
	}
	for _, s := range secrets {
		if strings.Contains(err.Error(), s) {
			t.Error("a secret is in an error")
		}
	}
	return o
}
