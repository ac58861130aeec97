package telegram

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEachFaultOfASectionIsNamed(t *testing.T) {
	valid := Default()
	valid.Token = "123456:ABC-DEF_1234"
	for name, c := range map[string]struct {
		change func(*Config)
		want   string // the keys
	}{
		"nothing":               {func(*Config) {}, ""},
		"a webhook":             {func(c *Config) { c.Mode, c.WebhookSecret = Webhook, "s-1_X" }, ""},
		"a server of one's own": {func(c *Config) { c.APIURL = "http://10.0.0.1:8081/api%20bot/" }, ""},
		"no token":              {func(c *Config) { c.Token = " " }, "token"},
		"a torn token":          {func(c *Config) { c.Token = "987654" }, "token"},
		"a token with spaces":   {func(c *Config) { c.Token += " " }, "token"},
		"an unknown mode":       {func(c *Config) { c.Mode = "push" }, "mode"},
		"a webhook for anybody": {func(c *Config) { c.Mode = Webhook }, "webhook_secret"},
		"a secret with spaces":  {func(c *Config) { c.WebhookSecret = "a b" }, "webhook_secret"},
		"no address":            {func(c *Config) { c.APIURL = "api.telegram.org" }, "api_url"},
		"an address with a key": {func(c *Config) { c.APIURL = "https://u:p@example.com" }, "api_url"},
		"everything":            {func(c *Config) { *c = Config{Mode: Webhook} }, "token webhook_secret api_url"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := valid
			c.change(&cfg)
			var keys []string
			for _, f := range cfg.Validate() {
				keys = append(keys, f.Key)
				if f.Problem == "" || cfg.Token != " " && cfg.Token != "" && strings.Contains(f.Problem, cfg.Token) {
					t.Errorf("%s: %q", f.Key, f.Problem)
				}
			}
			if got := strings.Join(keys, " "); got != c.want {
				t.Errorf("faults in %q, want %q", got, c.want)
			}
			if _, err := New(cfg, nil, nil); (err == nil) != (c.want == "") {
				t.Errorf("New: %v", err)
			}
		})
	}
}

func TestAnAddressWithPercentSignsIsKept(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil, func(c *Config) { c.APIURL += "/a%20b/" })
	err := b.get(w.ctx, "getMe", nil, &user{})
	if !refused(err) { // the simulator knows no such path, but was asked
		t.Errorf("%v", err)
	}
}

func TestAnAddressIsAskedAsItIsWritten(t *testing.T) {
	asked := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.RequestURI }))
	defer srv.Close()
	w := newWorld(t)
	for _, path := range []string{"/a%2Fb", "/a(b)", "/a%20b", "/a/b"} {
		b := w.bridge(nil, func(c *Config) { c.APIURL = srv.URL + path })
		if err := b.get(w.ctx, "getMe", nil, &user{}); err == nil {
			t.Error("an empty answer was understood")
		}
		if got, want := <-asked, path+"/bot"+w.bot.Token+"/getMe"; got != want {
			t.Errorf("api_url ends in %s: %s was asked", path, strings.ReplaceAll(got, w.secret(), "…"))
		}
		b.transport.CloseIdleConnections()
	}
}

func TestARouteWithANameInPlaceOfAnIDIsAFault(t *testing.T) {
	for _, id := range []string{"-1001234567890", "-1", "42"} {
		if got := RoomFault(id); got != "" {
			t.Errorf("%s: %s", id, got)
		}
	}
	for _, name := range []string{"@mygroup", "#general", "My group", "-"} {
		if got := RoomFault(name); !strings.Contains(got, "is a name; routes need the id") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestTheRemedyForAPlatformOutOfReachDependsOnWhoWroteItsAddress(t *testing.T) {
	c := Default()
	if got := c.unreached(); !strings.Contains(got, "reaches the internet") {
		t.Error(got)
	}
	c.APIURL = "https://example.org"
	if got := c.unreached(); !strings.Contains(got, "see whether api_url is right") {
		t.Error(got)
	}
}
