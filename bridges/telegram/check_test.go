package telegram

import (
	"slices"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

// failures joins what Check found fault with, and checks that each has a fix.
func failures(t *testing.T, found []fault.Finding) string {
	t.Helper()
	var bad []string
	for _, f := range found {
		if f.OK != (f.Fix == "") {
			t.Errorf("%q has the fix %q", f.What, f.Fix)
		}
		if !f.OK {
			bad = append(bad, f.What)
		}
	}
	return strings.Join(bad, "; ")
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	webhook := func(c *Config) { c.Mode, c.WebhookSecret, c.WebhookURL = Webhook, "s", "http://127.0.0.1:1/hook" }
	for name, c := range map[string]struct {
		prepare func(w *world)
		change  func(*Config)
		want    string // of the failures; "" for none
	}{
		"nothing":               {nil, nil, ""},
		"a refused token":       {func(w *world) { w.tg.Revoke(w.bot) }, nil, "refuses the token"},
		"no connection":         {func(w *world) { w.tg.Offline() }, nil, "not reached"},
		"a page of a proxy":     {func(w *world) { w.tg.Break(bridgetest.Fault{Effect: bridgetest.HTML}) }, nil, "502"},
		"a webhook in the way":  {func(w *world) { setHook(w, "http://127.0.0.1:1/other") }, nil, "a webhook is set while mode is poll"},
		"no webhook yet":        {nil, webhook, ""},
		"another webhook":       {func(w *world) { setHook(w, "http://127.0.0.1:1/other") }, webhook, "another webhook"},
		"no public address":     {nil, func(c *Config) { webhook(c); c.WebhookURL = "" }, "no public address"},
		"privacy mode":          {nil, func(c *Config) { c.ReadsRooms = true }, "privacy mode is on"},
		"an unreachable webook": {func(w *world) { setHook(w, "http://127.0.0.1:1/hook"); failHook(w) }, webhook, "cannot deliver"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if c.prepare != nil {
				c.prepare(w)
			}
			b := w.bridge(nil)
			if c.change != nil {
				b = w.bridge(nil, c.change)
			}
			found := b.Check(w.ctx)
			got := failures(t, found)
			if !strings.Contains(got, c.want) || c.want == "" && got != "" {
				t.Errorf("found fault with %q, want %q", got, c.want)
			}
			for _, f := range found {
				if strings.Contains(f.What+f.Fix, strings.Split(w.bot.Token, ":")[1]) {
					t.Errorf("the token is in %q", f.What)
				}
			}
			if n := len(w.tg.Posts()); n != 0 {
				t.Errorf("%d messages were posted", n)
			}
		})
	}
}

func TestCheckNamesTheBot(t *testing.T) {
	w := newWorld(t)
	found := w.bridge(nil).Check(w.ctx)
	if !slices.ContainsFunc(found, func(f fault.Finding) bool { return f.OK && strings.Contains(f.What, "@"+w.bot.Username) }) {
		t.Errorf("%+v", found)
	}
}

func setHook(w *world, url string) {
	w.Helper()
	if _, err := w.bridge(nil).call(w.ctx, "setWebhook", map[string]string{"url": url}); err != nil {
		w.Fatal(err)
	}
}

// failHook lets Telegram try to deliver to where nobody is.
func failHook(w *world) {
	w.tg.Write(bridgetest.Line{Chat: w.chat, From: w.anna, Text: "hi"})
	err := w.tg.WaitFor(w.ctx, func() bool {
		var info webhookInfo
		return w.bridge(nil).get(w.ctx, "getWebhookInfo", nil, &info) == nil && info.Error != ""
	})
	if err != nil {
		w.Fatal(err)
	}
}

func TestASkewedClockIsFound(t *testing.T) {
	const date = "Sat, 21 Nov 2026 10:00:00 GMT"
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for skew, want := range map[time.Duration]string{0: "", 29 * time.Second: "", time.Minute: "1m0s ahead of", -time.Hour: "1h0m0s behind"} {
		f, ok := checkClock(date, now.Add(skew))
		if !ok || f.OK != (want == "") || !strings.Contains(f.What, want) {
			t.Errorf("%v: %+v", skew, f)
		}
	}
	if _, ok := checkClock("", now); ok {
		t.Error("a missing date is judged")
	}
}
