package discord

import (
	"context"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

// A trap is a receiver that panics.
type trap struct{ bridgetest.Receiver }

func (*trap) Receive(context.Context, bridges.Batch) error { panic("message body") }

func TestAPanicComesOutOfRun(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	got := make(chan any, 1)
	go func() {
		defer func() { got <- recover() }()
		_ = b.Run(w.ctx, &trap{})
	}()
	w.says(w.dm, "hello")
	select {
	case v := <-got:
		if v != "message body" {
			t.Errorf("Run panicked with %v", v)
		}
	case <-w.ctx.Done():
		t.Fatal("the panic went nowhere")
	}
}
