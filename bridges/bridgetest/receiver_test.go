package bridgetest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

func batch(cursor string, keys ...string) bridges.Batch {
	b := bridges.Batch{Cursor: cursor}
	for _, k := range keys {
		b.Events = append(b.Events, bridges.Event{Key: k})
	}
	return b
}

func TestTheReceiverKeepsOnlyWhatItTook(t *testing.T) {
	r := &bridgetest.Receiver{}
	r.FailReceive(1)
	if err := r.Receive(t.Context(), batch("5", "a")); !errors.Is(err, bridgetest.ErrReceive) {
		t.Errorf("the first Receive returned %v", err)
	}
	if r.Cursor() != "" || len(r.Stored()) != 0 || len(r.Offered()) != 1 {
		t.Errorf("a refused batch was kept: cursor %q, %v", r.Cursor(), r.Stored())
	}
	for _, b := range []bridges.Batch{batch("6", "a", "b"), batch("", "b", "c")} {
		if err := r.Receive(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if r.Cursor() != "6" || len(r.Stored()) != 4 || len(r.Unique()) != 3 {
		t.Errorf("cursor %q, stored %v, unique %v", r.Cursor(), r.Stored(), r.Unique())
	}
	if cursor, err := r.Open(t.Context(), "x:1"); cursor != "6" || err != nil {
		t.Errorf("Open returned %q, %v", cursor, err)
	}
}

func TestAHeldReceiverWaitsForItsRelease(t *testing.T) {
	r := &bridgetest.Receiver{}
	release := r.Hold()
	done := make(chan error, 1)
	go func() { done <- r.Receive(context.Background(), batch("", "a")) }()
	if err := r.WaitFor(soon(t), func() bool { return len(r.Offered()) == 1 }); err != nil {
		t.Fatal(err)
	}
	if len(r.Stored()) != 0 {
		t.Error("stored while held")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := r.Receive(ctx, batch("", "b")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a held Receive returned %v when its context ended", err)
	}
	release()
	if err := <-done; err != nil || len(r.Stored()) != 1 {
		t.Errorf("after the release: %v, %v", err, r.Stored())
	}
}

func TestACursorAloneIsNeitherHeldNorOneOfTheFailures(t *testing.T) {
	r := &bridgetest.Receiver{}
	r.FailReceive(1)
	release := r.Hold()
	if err := r.Receive(soon(t), batch("7")); err != nil || r.Cursor() != "7" {
		t.Errorf("%v, the cursor is %q", err, r.Cursor())
	}
	release()
	if err := r.Receive(soon(t), batch("8", "a")); !errors.Is(err, bridgetest.ErrReceive) {
		t.Errorf("the first batch with events: %v", err)
	}
	r.FailReceive(-1)
	if err := r.Receive(soon(t), batch("9")); !errors.Is(err, bridgetest.ErrReceive) || r.Cursor() != "7" {
		t.Errorf("while all fails: %v, the cursor is %q", err, r.Cursor())
	}
}

func TestWaitHealthSeesTheLatest(t *testing.T) {
	r := &bridgetest.Receiver{}
	r.Health(nil)
	if err := r.WaitHealth(soon(t), false); err != nil {
		t.Error(err)
	}
	go r.Health(errors.New("lost"))
	if err := r.WaitHealth(soon(t), true); err != nil {
		t.Error(err)
	}
}
