package slack

import (
	"strings"
	"testing"
	"time"
)

func (w *world) checks(b *Bridge) string {
	w.Helper()
	var all []string
	for _, f := range b.Check(w.ctx) {
		mark := "ok: "
		if !f.OK {
			mark = "bad: "
		}
		if f.OK == (f.Fix != "") {
			w.Errorf("%+v: what is wrong has a fix, what is right none", f)
		}
		all = append(all, mark+f.What+" → "+f.Fix)
	}
	text := strings.Join(all, "\n")
	for _, secret := range w.secrets() {
		if strings.Contains(text, secret) {
			w.Errorf("a secret is in %s", text)
		}
	}
	return text
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*world)
		want  []string
		not   string
	}{
		"all is well":         {func(*world) {}, []string{"ok: token accepted: @luna in Workspace", "has all scopes", "Socket Mode is on"}, "bad:"},
		"a refused token":     {func(w *world) { w.slack.RefuseToken(w.app, "token_revoked") }, []string{"bad: ", "token_revoked", "install the app again"}, "ok:"},
		"missing scopes":      {func(w *world) { w.slack.SetScopes(w.app, "chat:write", "im:history") }, []string{"bad: ", "files:read (to hear voice clips)", "users:read", "App Manifest"}, " im:history"},
		"a wrong app token":   {func(w *world) { w.slack.RefuseAppToken(w.app, "invalid_auth") }, []string{"ok: token accepted", "bad: no socket", "app_token: "}, ""},
		"Socket Mode is off":  {func(w *world) { w.slack.DisableSocketMode(w.app) }, []string{"bad: no socket", "switch it on"}, ""},
		"Slack is away":       {func(w *world) { w.slack.Offline() }, []string{"bad: Slack is not reached"}, "ok:"},
		"connections:write":   {func(w *world) { w.slack.RefuseAppToken(w.app, "missing_scope") }, []string{"connections:write"}, ""},
		"the clock is looked": {func(*world) {}, []string{"the clock agrees"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.spoil(w)
			got := w.checks(w.bridge(nil))
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in\n%s", want, got)
				}
			}
			if c.not != "" && strings.Contains(got, c.not) {
				t.Errorf("%q is in\n%s", c.not, got)
			}
		})
	}
}

func TestCheckSaysWhereEventsAreExpected(t *testing.T) {
	w := newWorld(t)
	over := func(c *Config) { c.AppToken, c.SigningSecret = "", "secret" }
	if got := w.checks(w.bridge(nil, over)); !strings.Contains(got, "server.public_url") {
		t.Errorf("%s", got)
	}
	got := w.checks(w.bridge(nil, over, func(c *Config) { c.EventsURL = "https://bot.example.com/bridges/x/events" }))
	if !strings.Contains(got, "ok: events are expected at https://bot.example.com/bridges/x/events") {
		t.Errorf("%s", got)
	}
}

func TestAClockThatIsWrongIsTold(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for date, want := range map[string]string{"Thu, 01 Jan 2026 11:00:00 GMT": "ahead of", "Thu, 01 Jan 2026 13:00:00 GMT": "behind", "Thu, 01 Jan 2026 12:00:10 GMT": "agrees"} {
		if f, ok := checkClock(date, now); !ok || !strings.Contains(f.What, want) {
			t.Errorf("%s: %+v", date, f)
		}
	}
	if _, ok := checkClock("", now); ok {
		t.Error("a clock was compared with nothing")
	}
}

func TestFaultsOfASectionAreAllNamed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   string // keys
	}{
		"sockets":            {func(*Config) {}, ""},
		"requests":           {func(c *Config) { c.AppToken, c.SigningSecret = "", "abc" }, ""},
		"nothing":            {func(c *Config) { *c = Config{} }, "bot_token app_token api_url"},
		"both ways":          {func(c *Config) { c.SigningSecret = "abc" }, "signing_secret"},
		"tokens exchanged":   {func(c *Config) { c.BotToken, c.AppToken = c.AppToken, c.BotToken }, "bot_token app_token"},
		"a person's token":   {func(c *Config) { c.BotToken = "xoxp-1" }, "bot_token"},
		"another bot token":  {func(c *Config) { c.BotToken = "987654-abc" }, "bot_token"},
		"another app token":  {func(c *Config) { c.AppToken = "abc" }, "app_token"},
		"tokens of another":  {func(c *Config) { c.APIURL, c.BotToken, c.AppToken = "http://127.0.0.1:1/api", "a", "b" }, ""},
		"pasted with more":   {func(c *Config) { c.BotToken += " # mine" }, "bot_token"},
		"an address of none": {func(c *Config) { c.APIURL = "slack.com/api" }, "api_url"},
		"with a query":       {func(c *Config) { c.APIURL = "https://slack.com/api?x=1" }, "api_url"},
	} {
		cfg := Default()
		cfg.BotToken, cfg.AppToken = "xoxb-1-a", "xapp-1-a"
		c.change(&cfg)
		var keys []string
		for _, f := range cfg.Validate() {
			keys = append(keys, f.Key)
			if strings.Contains(f.Problem, "xoxb-1") || strings.Contains(f.Problem, "xapp-1") {
				t.Errorf("%s: a token is in %q", name, f.Problem)
			}
		}
		if got := strings.Join(keys, " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if _, err := New(cfg, nil, nil); (err != nil) != (c.want != "") {
			t.Errorf("%s: New returned %v", name, err)
		}
	}
}
