package telegram

import (
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

func TestUpdateIDsThatStartAgainLoseNothing(t *testing.T) {
	for name, running := range map[string]bool{"while it runs": true, "while it is stopped": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			stop := w.run(w.bridge(nil))
			w.writes("before")
			if err := w.tg.WaitFor(w.ctx, func() bool { return len(w.bot.Pending()) == 0 }); err != nil {
				t.Fatal(err)
			}
			if !running {
				_ = stop()
				id, _, _ := strings.Cut(w.rx.Cursor(), "@")
				w.rx = &bridgetest.Receiver{}
				old := id + "@" + "1000000"
				if err := w.rx.Receive(w.ctx, batchWith(old)); err != nil {
					t.Fatal(err)
				}
			}
			w.bot.RestartUpdateIDs()
			if !running {
				w.tg.Write(bridgetest.Line{Chat: w.chat, From: w.anna, Text: "while stopped"})
				w.run(w.bridge(nil))
			}
			w.writes("after")
			if err := w.tg.WaitFor(w.ctx, func() bool { return len(w.bot.Pending()) == 0 }); err != nil {
				t.Error("the updates are not confirmed")
			}
		})
	}
}

func TestAnOldCursorIsNotTrusted(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for cursor, want := range map[string]int64{
		"": 0, "x": 0, "12": 0, "12@x": 0, "12@" + "1699999999": 12, writeCursor(99, now.Add(-5*24*time.Hour)): 99, writeCursor(99, now.Add(-7*24*time.Hour)): 0,
	} {
		if got := readCursor(cursor, now); got != want {
			t.Errorf("%q is the offset %d, want %d", cursor, got, want)
		}
	}
}

func TestAnotherPollerIsNamedAndWaitedOut(t *testing.T) {
	w := newWorld(t)
	other := w.tg.Break(bridgetest.Fault{Method: "getUpdates", Effect: bridgetest.Refuse, Code: 409,
		Body: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"})
	w.run(w.bridge(nil))
	w.says("another program polls")
	if !strings.Contains(w.logs.String(), "another program polls") {
		t.Error("the log does not name the other poller")
	}
	other()
	w.writes("hello")
}

func TestAWebhookIsDeletedForPolling(t *testing.T) {
	w := newWorld(t)
	hook := w.bridge(nil, func(c *Config) {
		c.Mode, c.WebhookSecret, c.WebhookURL = Webhook, "secret", "http://127.0.0.1:1/hook"
	})
	stop := w.run(hook)
	if err := w.rx.WaitFor(w.ctx, func() bool { return len(w.rx.Healths()) >= 2 }); err != nil { // opened, then set
		t.Fatal(err)
	}
	_ = stop()
	w.tg.Write(bridgetest.Line{Chat: w.chat, From: w.anna, Text: "kept"})
	w.run(w.bridge(nil))
	if got, err := w.rx.WaitUnique(w.ctx, 1); err != nil || got[0].Text != "kept" {
		t.Fatalf("%v, %v", got, err)
	}
	if !strings.Contains(w.logs.String(), "a webhook was set") {
		t.Error("the log does not say that a webhook was deleted")
	}
}

func TestAThrottledPollWaitsAsLongAsItIsAsked(t *testing.T) {
	w := newWorld(t)
	w.tg.Break(bridgetest.Fault{Method: "getUpdates", Effect: bridgetest.Throttle, RetryAfter: 2, Times: 1})
	start := time.Now()
	w.run(w.bridge(nil))
	w.writes("hello")
	if d := time.Since(start); d < 2*time.Second {
		t.Errorf("polled again after %v", d)
	}
}

func TestPagesOfAProxyDoNotEndRun(t *testing.T) {
	w := newWorld(t)
	w.tg.Break(bridgetest.Fault{Effect: bridgetest.HTML, Times: 2})
	w.tg.Break(bridgetest.Fault{Effect: bridgetest.HTML, Code: 403, Times: 1})
	w.tg.Break(bridgetest.Fault{Effect: bridgetest.Garbage, Times: 1})
	w.run(w.bridge(nil))
	w.writes("hello")
}

func TestARefusedTokenSaysWhereToCopyItFrom(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	w.tg.Revoke(w.bot)
	w.outcome(b.Run(w.ctx, w.rx), fault.Dead, "@BotFather")
}

func TestATokenRefusedInBetweenIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.run(w.bridge(nil))
	w.writes("before")
	w.tg.Break(bridgetest.Fault{Method: "getUpdates", Effect: bridgetest.Refuse, Code: 401, Body: "Unauthorized", Times: 2})
	w.tg.Write(bridgetest.Line{Chat: w.chat, From: w.anna, Text: "wakes the poll"})
	w.says("401")
	w.writes("after")
}
