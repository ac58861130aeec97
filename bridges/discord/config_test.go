package discord

import (
	"slices"
	"strings"
	"testing"
)

func TestEachFaultOfTheSectionIsNamed(t *testing.T) {
	good := func() Config { c := Default(); c.Token = strings.Repeat("x", 59); return c }
	for name, c := range map[string]struct {
		change func(*Config)
		key    string
	}{
		"nothing wrong":     {func(*Config) {}, ""},
		"a number":          {func(c *Config) { c.Shards = int64(3) }, ""},
		"no token":          {func(c *Config) { c.Token = "" }, "token"},
		"the header":        {func(c *Config) { c.Token = "Bot " + c.Token }, "token"},
		"a short token":     {func(c *Config) { c.Token = "abc" }, "token"},
		"a line break":      {func(c *Config) { c.Token += "\n" }, "token"},
		"many shards":       {func(c *Config) { c.Shards = "many" }, "shards"},
		"no shard":          {func(c *Config) { c.Shards = int64(0) }, "shards"},
		"half a shard":      {func(c *Config) { c.Shards = 1.5 }, "shards"},
		"no address":        {func(c *Config) { c.APIURL = "discord.com" }, "api_url"},
		"a query":           {func(c *Config) { c.APIURL = "https://x.org/?a" }, "api_url"},
		"a user in address": {func(c *Config) { c.APIURL = "https://a:b@x.org" }, "api_url"},
	} {
		cfg := good()
		c.change(&cfg)
		var keys []string
		for _, f := range cfg.Validate() {
			keys = append(keys, f.Key)
			if strings.Contains(f.Problem, cfg.Token) && cfg.Token != "" {
				t.Errorf("%s: the token is in the fault", name)
			}
		}
		if want := strings.Fields(c.key); !slices.Equal(keys, want) {
			t.Errorf("%s: faults in %v, want %v", name, keys, want)
		}
	}
}

func TestARouteWithANameInPlaceOfAnIDIsAFault(t *testing.T) {
	for _, id := range []string{"1122334455667788990"} {
		if got := RoomFault(id); got != "" {
			t.Errorf("%s: %s", id, got)
		}
	}
	for _, name := range []string{"#general", "general", "-1", "@mygroup"} {
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
