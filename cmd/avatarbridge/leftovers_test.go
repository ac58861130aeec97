package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/relay"
	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/cmd/avatarbridge/internal/terminal"
	"avatarbridge/store"
)

// within opens the database of a folder for do.
func within(t *testing.T, dir string, do func(ctx context.Context, st store.Store)) {
	t.Helper()
	c := &config.Config{Store: config.Store{Path: filepath.Join(dir, "avatarbridge.db")}}
	st, err := openStore(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	do(t.Context(), st)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

func waitingEntry(key string) store.Entry {
	return store.Entry{Key: key, Turn: &store.NewTurn{
		ID: "turn-" + key, From: store.Identity{Platform: "terminal", User: "ann"}, Body: []byte("left over"), MaxWaiting: 10,
		In: store.Address{Account: terminal.Account, Avatar: "demo", Channel: "terminal", Direct: true},
	}}
}

// interrupted writes what a killed chat leaves: messages without an answer, of which one failed for good.
func interrupted(t *testing.T, dir string) {
	t.Helper()
	within(t, dir, func(ctx context.Context, st store.Store) {
		for _, key := range []string{"a", "b", "c"} {
			if _, err := st.Accept(ctx, store.Batch{Account: terminal.Account, Now: time.Now(), Entries: []store.Entry{waitingEntry(key)}}); err != nil {
				t.Fatal(err)
			}
		}
		turns, _, err := st.ClaimTurns(ctx, terminal.Account, "demo", time.Now().Add(time.Hour), 1)
		if err != nil || len(turns) != 1 {
			t.Fatalf("%v, %v", turns, err)
		}
		if _, err := st.Finish(ctx, store.Finished{Turn: turns[0].Row, Now: time.Now(), Dead: "the service is gone"}); err != nil {
			t.Fatal(err)
		}
		depth, err := st.Depth(ctx)
		if err != nil || depth.Turns[terminal.Account] != 2 || depth.Dead != 1 {
			t.Fatalf("%+v, %v", depth, err)
		}
	})
}

func TestWhatAnInterruptedChatLeftDoesNotCountAsWaiting(t *testing.T) {
	dir, admin := demo(t)
	interrupted(t, dir)
	start(t, dir, admin)
	body := fetch(t, "http://"+admin+"/metrics")
	if !strings.Contains(body, "avatarbridge_oldest_waiting_seconds 0\n") || strings.Contains(body, `account="terminal:local"`) {
		t.Errorf("%s", body)
	}
	got := runProgram(t, dir, "", "dead", "retry")
	if got.code != ok || !strings.Contains(got.out, "no bridge of the configuration would post the answer: 1 (terminal:local)") {
		t.Errorf("dead retry: %+v", got)
	}
	if got := runProgram(t, dir, "", "dead", "retry", "1"); got.code != failed || !strings.Contains(got.err, "no bridge of the configuration") {
		t.Errorf("dead retry 1: %+v", got)
	}
	if body := fetch(t, "http://"+admin+"/metrics"); strings.Contains(body, `account="terminal:local"`) || !strings.Contains(body, "avatarbridge_dead_letters 1\n") {
		t.Errorf("after dead retry: %s", body)
	}
}

func TestChatEndsWhatAnEarlierOneLeft(t *testing.T) {
	dir, _ := demo(t)
	interrupted(t, dir)
	if got := runProgram(t, dir, "hello\n", "chat"); got.code != ok || !strings.Contains(got.out, "hello") || strings.Contains(got.out, "left over") {
		t.Errorf("chat: %+v", got)
	}
	within(t, dir, func(ctx context.Context, st store.Store) {
		if depth, err := st.Depth(ctx); err != nil || len(depth.Turns)+len(depth.Posts) > 0 {
			t.Errorf("%+v, %v", depth, err)
		}
	})
}

func TestALetterIsServedByTheBridgeOfItsAccountOrOneThatMayBe(t *testing.T) {
	configured := []config.Bridge{{Name: "tg", Platform: "telegram"}}
	for _, c := range []struct {
		account string
		running []relay.BridgeStatus
		want    bool
	}{
		{"telegram:1", nil, false},
		{"slack:T1", nil, true},
		{"terminal:local", nil, true},
		{"telegram:1", []relay.BridgeStatus{{Platform: "telegram"}}, false},
		{"telegram:1", []relay.BridgeStatus{{Platform: "telegram", Account: "telegram:1"}}, false},
		{"telegram:1", []relay.BridgeStatus{{Platform: "telegram", Account: "telegram:2"}}, true},
		{"telegram:1", []relay.BridgeStatus{}, true},
	} {
		if got := unserved(c.account, c.running, configured); got != c.want {
			t.Errorf("%s with %+v: %v", c.account, c.running, got)
		}
	}
}
