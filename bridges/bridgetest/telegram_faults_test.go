package bridgetest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"syscall"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// try sends a message and returns the status and the body, or the client's error.
func (w *world) try(chat int64) (int, string, error) {
	client := http.Client{Timeout: 500 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.PostForm(w.url("sendMessage"), url.Values{"chat_id": {fmt.Sprint(chat)}, "text": {"x"}})
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", err
	}
	return resp.StatusCode, string(body), nil
}

func TestFaultsShowAndHaveTheirEffect(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  bridgetest.Fault
		status int // 0: no answer
		posted int
	}{
		{"slow", bridgetest.Fault{Effect: bridgetest.Slow, Delay: time.Millisecond}, 200, 1},
		{"too slow", bridgetest.Fault{Effect: bridgetest.Slow, Delay: time.Hour}, 0, 0},
		{"status", bridgetest.Fault{Effect: bridgetest.Status, Code: 503}, 503, 0},
		{"html", bridgetest.Fault{Effect: bridgetest.HTML}, 502, 0},
		{"html after the post", bridgetest.Fault{Effect: bridgetest.HTML, Code: 504, Accepted: true}, 504, 1},
		{"cut before", bridgetest.Fault{Effect: bridgetest.Cut}, 0, 0},
		{"cut after", bridgetest.Fault{Effect: bridgetest.Cut, Accepted: true}, 0, 1},
		{"garbage", bridgetest.Fault{Effect: bridgetest.Garbage, Accepted: true}, 200, 1},
		{"half an answer", bridgetest.Fault{Effect: bridgetest.Half, Accepted: true}, 0, 1},
		{"throttle", bridgetest.Fault{Effect: bridgetest.Throttle, RetryAfter: 5}, 429, 0},
		{"stall", bridgetest.Fault{Effect: bridgetest.Stall}, 0, 0},
		{"stall after", bridgetest.Fault{Effect: bridgetest.Stall, Accepted: true}, 0, 1},
		{"refuse", bridgetest.Fault{Effect: bridgetest.Refuse, Code: 400, Body: "Bad Request: no"}, 400, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, bridgetest.TelegramOptions{})
			c.fault.Method, c.fault.Times = "sendMessage", 1
			w.tg.Break(c.fault)
			status, _, err := w.try(w.chat.ID)
			if (err == nil) != (c.status != 0) || status != c.status {
				t.Errorf("got status %d, %v", status, err)
			}
			if n := w.tg.PostCount(); n != c.posted {
				t.Errorf("%d posted, want %d", n, c.posted)
			}
			if status, _, err := w.try(w.chat.ID); status != 200 {
				t.Errorf("after the fault got status %d, %v", status, err)
			}
		})
	}
}

func TestAFaultBefallsItsMethodAndChatUntilItIsCleared(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	group := w.tg.AddGroup("G", w.bot)
	clear := w.tg.Break(bridgetest.Fault{Method: "sendMessage", Chat: group.ID, Effect: bridgetest.Status, Code: 500})
	w.call("getMe").good(t)
	w.call("sendMessage", "chat_id", w.chat.ID, "text", "x").good(t)
	for range 3 {
		if status, _, _ := w.try(group.ID); status != 500 {
			t.Errorf("got status %d, want the fault", status)
		}
	}
	clear()
	if status, _, _ := w.try(group.ID); status != 200 {
		t.Errorf("got status %d after the fault was cleared", status)
	}
	if n := w.tg.Calls("sendMessage"); n != 5 {
		t.Errorf("counted %d calls, want 5", n)
	}
}

func TestOfflineRefusesConnectionsUntilOnline(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	w.tg.Offline()
	if _, _, err := w.try(w.chat.ID); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want a refused connection", err)
	}
	if err := w.tg.Online(); err != nil {
		t.Fatal(err)
	}
	if status, _, err := w.try(w.chat.ID); status != 200 {
		t.Errorf("back online got status %d, %v", status, err)
	}
}

func TestStepsComeInTheOrderOfTheWire(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	type moment struct {
		name   bridgetest.StepName
		posted int
	}
	steps := make(chan moment, 10)
	w.tg.OnStep(func(s bridgetest.Step) {
		if s.Bot != w.bot {
			t.Errorf("step %s of bot %v", s.Name, s.Bot)
		}
		steps <- moment{s.Name, w.tg.PostCount()}
	})
	id := w.write("x")
	w.call("getUpdates")
	first := <-steps // it comes after the answer
	w.call("getUpdates", "offset", id+1)
	w.call("sendMessage", "chat_id", w.chat.ID, "text", "x")
	got := []moment{first, <-steps, <-steps, <-steps}
	want := []moment{{bridgetest.UpdateHandedOut, 0}, {bridgetest.OffsetConfirmed, 0}, {bridgetest.SendReceived, 0}, {bridgetest.SendAnswered, 1}}
	if !slices.Equal(got, want) {
		t.Errorf("steps %v, want %v", got, want)
	}
	w.tg.OnStep(nil)
	w.call("sendMessage", "chat_id", w.chat.ID, "text", "x")
	w.tg.Close() // every request is over then
	if len(steps) != 0 {
		t.Errorf("a step was told after the hook was taken away: %v", <-steps)
	}
}
