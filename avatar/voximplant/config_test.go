package voximplant

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// valid is a section without faults.
func valid() Config {
	c := Default()
	c.AccountID, c.APIKey, c.AvatarID = "1234567", "key-canary", "9b0f0d0c-1111-4222-8333-444455556666"
	return c
}

func TestEachFaultOfTheSectionIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		keys   []string
	}{
		"none":              {func(*Config) {}, nil},
		"a subuser":         {func(c *Config) { c.APIKey, c.SubuserLogin, c.SubuserPassword = "", "robot", "a b" }, nil},
		"grpc":              {func(c *Config) { c.Transport = "grpc" }, nil},
		"nothing":           {func(c *Config) { *c = Default() }, []string{"account_id", "api_key", "avatar_id"}},
		"both":              {func(c *Config) { c.SubuserLogin = "robot" }, []string{"api_key"}},
		"no password":       {func(c *Config) { c.APIKey, c.SubuserLogin = "", "robot" }, []string{"subuser_password"}},
		"no login":          {func(c *Config) { c.APIKey, c.SubuserPassword = "", "canary" }, []string{"subuser_login"}},
		"an account's name": {func(c *Config) { c.AccountID = "acme" }, []string{"account_id"}},
		"a line in the key": {func(c *Config) { c.APIKey = "canary\n" }, []string{"api_key"}},
		"a path":            {func(c *Config) { c.AvatarID = "../login" }, []string{"avatar_id"}},
		"an avatar's name":  {func(c *Config) { c.AvatarID = "concierge" }, []string{"avatar_id"}},
		"an id in braces":   {func(c *Config) { c.AvatarID = "{" + c.AvatarID + "}" }, []string{"avatar_id"}},
		"dots":              {func(c *Config) { c.AvatarID = ".." }, []string{"avatar_id"}},
		"no address":        {func(c *Config) { c.APIURL = "api.voximplant.com" }, []string{"api_url"}},
		"a query":           {func(c *Config) { c.APIURL = "https://api.voximplant.com/?key=canary" }, []string{"api_url"}},
		"another transport": {func(c *Config) { c.Transport = "soap" }, []string{"transport"}},
		"no patience":       {func(c *Config) { c.ReplyTimeout = 0 }, []string{"reply_timeout"}},
		"much patience":     {func(c *Config) { c.ReplyTimeout = 2 * time.Hour }, []string{"reply_timeout"}},
		"another form":      {func(c *Config) { c.CustomData = "xml" }, []string{"custom_data"}},
		"our own key":       {func(c *Config) { c.Metadata = map[string]any{"userUid": 1, "mine": 2} }, []string{"metadata"}},
	} {
		cfg := valid()
		c.change(&cfg)
		var keys []string
		for _, s := range cfg.Validate() {
			keys = append(keys, s.Key)
			if strings.Contains(s.Problem, "canary") {
				t.Errorf("%s: %q tells a secret", name, s.Problem)
			}
		}
		slices.Sort(keys)
		if !slices.Equal(keys, c.keys) {
			t.Errorf("%s: faults of %v, want %v", name, keys, c.keys)
		}
		if _, err := New(cfg, http.DefaultClient, http.DefaultClient); cfg.Transport == transportREST && (err != nil) != (len(c.keys) > 0) {
			t.Errorf("%s: New returned %v", name, err)
		}
	}
}

func TestOnlyRESTNeedsAPlaceForCallbacks(t *testing.T) {
	c := valid()
	if !c.NeedsCallback() {
		t.Error("rest")
	}
	if c.Transport = transportGRPC; c.NeedsCallback() {
		t.Error("grpc")
	}
}

func TestTheRemedyForAPlatformOutOfReachDependsOnWhoWroteItsAddress(t *testing.T) {
	for address, want := range map[string]string{Default().APIURL: "reaches the internet", "https://vox.example": "see whether api_url is right"} {
		api, err := base(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := remedy(api); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %q", address, got, want)
		}
	}
}
