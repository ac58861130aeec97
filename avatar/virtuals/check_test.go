package virtuals

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
)

// show writes findings so that a test can look for words.
func show(found []fault.Finding) string {
	var s strings.Builder
	for _, f := range found {
		fmt.Fprintf(&s, "%v %s | %s\n", f.OK, f.What, f.Fix)
	}
	return s.String()
}

func TestCheckTellsWhatWorksAndWhatToChange(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		step   avatartest.Step
		fault  avatartest.Fault
		want   []string
	}{
		{name: "all well", want: []string{"true credentials accepted", "true runner 127.0.0.1", "llm, tts"}},
		{name: "no voice", change: func(c *Config) { c.VirtualID = "2" }, want: []string{"true the Virtual has no voice core: replies come without sound"}},
		{name: "silent voice", change: func(c *Config) { c.VirtualID, c.Speech = "3", false }, want: []string{"false speech is off", "speech = true"}},
		{name: "wrong key", change: func(c *Config) { c.APIKey = "wrong-canary" }, want: []string{"false no access token", "api_key"}},
		{name: "unknown Virtual", change: func(c *Config) { c.VirtualID = "99" }, want: []string{"false no access token", "virtual_id"}},
		{name: "nobody there", change: func(c *Config) { c.APIURL = "http://127.0.0.1:1" }, want: []string{"false no access token from 127.0.0.1:1", "api_url"}},
		{name: "runner down", step: avatartest.TokenAsked, fault: avatartest.WithRunner("http://127.0.0.1:1"), want: []string{"true credentials", "false runner 127.0.0.1:1", "can be reached from here"}},
		{name: "runner broken", step: avatartest.CoresAsked, fault: avatartest.Proxy(502), want: []string{"true credentials", "false runner", "HTTP 502"}},
		{name: "runner refuses", step: avatartest.CoresAsked, fault: avatartest.Refused(401), want: []string{"true credentials", "false runner", "| a new access token"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, avatartest.VirtualsConfig{}, c.change)
			if c.step != "" {
				r.sim.Break(c.step, -1, c.fault)
			}
			got := show(r.b.Check(t.Context()))
			for _, w := range c.want {
				if !strings.Contains(got, w) {
					t.Errorf("%q is missing in\n%s", w, got)
				}
			}
			for _, s := range append(r.sim.Secrets(), "canary") {
				if strings.Contains(got, s) {
					t.Errorf("a secret is shown in\n%s", got)
				}
			}
			r.wantCounts(t, map[avatartest.Step]int{avatartest.PromptReceived: 0, avatartest.VoiceAsked: 0})
		})
	}
}

func TestTheRemedyForAServiceOutOfReachDependsOnWhoWroteItsAddress(t *testing.T) {
	for address, want := range map[string]string{
		Default().APIURL: "reaches the internet", "https://api.virtuals.io/": "reaches the internet", "https://virtuals.example": "see whether api_url is right",
	} {
		api, err := base(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := tokenFinding(api, fault.NoAnswer(api.Host, errNoURL)).Fix; !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %q", address, got, want)
		}
	}
}

func TestConfigTellsAllItsFaults(t *testing.T) {
	good := Default()
	good.APIKey, good.APISecret, good.VirtualID = "key", "secret", "1"
	if got := good.Validate(); got != nil {
		t.Fatalf("a good one has %v", got)
	}
	for want, change := range map[string]func(*Config){
		"api_key api_secret virtual_id api_url": func(c *Config) { *c = Config{} },
		"api_key":                               func(c *Config) { c.APIKey = "a b" },
		"virtual_id":                            func(c *Config) { c.VirtualID = "1\n" },
		"api_url":                               func(c *Config) { c.APIURL = "api.virtuals.io" },
		"metadata":                              func(c *Config) { c.Metadata = map[string]any{"userUid": "x", "fine": 1} },
		"overrides overrides":                   func(c *Config) { c.Overrides = map[string]any{"text": "x", "skipTTS": true} },
	} {
		bad := good
		change(&bad)
		var keys []string
		for _, s := range bad.Validate() {
			keys = append(keys, s.Key)
		}
		if got := strings.Join(keys, " "); got != want {
			t.Errorf("faults at %s, want %s", got, want)
		}
		if _, err := New(bad, http.DefaultClient, http.DefaultClient); err == nil {
			t.Errorf("New took a config with faults at %s", want)
		}
	}
	if _, err := New(good, http.DefaultClient, nil); err == nil {
		t.Error("New took no client for runners")
	}
}
