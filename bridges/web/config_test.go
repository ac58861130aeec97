package web

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheDefaultsHaveNoFault(t *testing.T) {
	if got := Default().Validate(); got != nil {
		t.Errorf("got %v", got)
	}
}

func TestFaultsOfASectionAreToldByTheirKeys(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   []string
	}{
		"a long title":            {func(c *Config) { c.Title = strings.Repeat("x", 81) }, []string{"title"}},
		"a title of two lines":    {func(c *Config) { c.Title = "a\nb" }, []string{"title"}},
		"a long greeting":         {func(c *Config) { c.Greeting = strings.Repeat("x", 2001) }, []string{"greeting"}},
		"an SVG as a face":        {func(c *Config) { c.Face = "luna.svg" }, []string{"face"}},
		"a face in capitals":      {func(c *Config) { c.Face = "LUNA.PNG" }, nil},
		"no history":              {func(c *Config) { c.History = 0 }, []string{"history"}},
		"a long history":          {func(c *Config) { c.History = 1001 }, []string{"history"}},
		"no text":                 {func(c *Config) { c.MaxText = 0 }, []string{"max_text"}},
		"a voice of everything":   {func(c *Config) { c.MaxVoice = 1 << 30 }, []string{"max_voice"}},
		"a rate that is none":     {func(c *Config) { c.PerAddress = "lots" }, []string{"per_address"}},
		"no rate":                 {func(c *Config) { c.PerAddress = "" }, []string{"per_address"}},
		"two rates":               {func(c *Config) { c.PerAddress = "10/m, 100/h" }, nil},
		"no connections":          {func(c *Config) { c.MaxOpen, c.MaxPerVisitor, c.MaxPerAddress = 0, 0, -1 }, []string{"max_connections", "max_per_visitor", "max_per_address"}},
		"no limit for an address": {func(c *Config) { c.MaxPerAddress = 0 }, nil},
		"sites": {func(c *Config) {
			c.Origins = []string{"https://example.com", "http://localhost:3000", "https://a-b.example.com:8443"}
		}, nil},
		"a site with a path":        {func(c *Config) { c.Origins = []string{"https://example.com/"} }, []string{"origins"}},
		"a site without a scheme":   {func(c *Config) { c.Origins = []string{"example.com"} }, []string{"origins"}},
		"all sites":                 {func(c *Config) { c.Origins = []string{"*"} }, []string{"origins"}},
		"all sites of a domain":     {func(c *Config) { c.Origins = []string{"https://*.example.com"} }, []string{"origins"}},
		"a site with more":          {func(c *Config) { c.Origins = []string{"https://example.com; script-src *"} }, []string{"origins"}},
		"a site with a line break":  {func(c *Config) { c.Origins = []string{"https://example.com\n"} }, []string{"origins"}},
		"a site in capital letters": {func(c *Config) { c.Origins = []string{"https://Example.com"} }, []string{"origins"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Default()
			c.change(&cfg)
			var got []string
			for _, f := range cfg.Validate() {
				got = append(got, f.Key)
				if f.Problem == "" {
					t.Errorf("%s: nothing is told", f.Key)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if b, err := New(cfg, nil, nil); (err == nil) != (c.want == nil) || (b == nil) != (err != nil) {
				t.Errorf("New returned %v, %v", b, err)
			}
		})
	}
}

func TestTheNameThatIsShown(t *testing.T) {
	for _, c := range []struct{ title, avatar, want string }{{"T", "A", "T"}, {" ", "A", "A"}, {"", "", "site"}} {
		cfg := settings()
		cfg.Title, cfg.Avatar = c.title, c.avatar
		if got := cfg.name(); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

func TestEveryRateMustHaveRoom(t *testing.T) {
	paces, err := parseRates("2/s, 3/m")
	if err != nil {
		t.Fatal(err)
	}
	l, now := newAddressLimit(paces), time.Unix(1000, 0)
	a, other := addressOf("192.0.2.1:1"), addressOf("192.0.2.2:1")
	for i, c := range []struct {
		of   netip.Prefix
		at   time.Duration
		want time.Duration
	}{
		{a, 0, 0}, {a, 0, 0}, {a, 0, 500 * time.Millisecond}, {other, 0, 0}, {a, time.Second, 0}, {a, 2 * time.Second, 18 * time.Second}, {a, 20 * time.Second, 0},
	} {
		if got := l.wait(c.of, now.Add(c.at)); got.Round(time.Millisecond) != c.want {
			t.Errorf("message %d has to wait %v, want %v", i, got, c.want)
		}
	}
}

func TestAddressesAreForgottenAtABound(t *testing.T) {
	paces, err := parseRates("1/h")
	if err != nil {
		t.Fatal(err)
	}
	l, now := newAddressLimit(paces), time.Unix(1000, 0)
	at := func(i int) netip.Prefix { return addressOf(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255)) }
	for i := range maxAddresses {
		l.wait(at(i), now)
	}
	if l.wait(at(0), now) == 0 {
		t.Error("the first address was forgotten too early")
	}
	l.wait(at(maxAddresses), now) // in place of the second, which was quiet for longest
	if len(l.entries) != maxAddresses || l.recent.Len() != maxAddresses {
		t.Errorf("%d addresses are remembered", len(l.entries))
	}
	if l.wait(at(0), now) == 0 || l.wait(at(1), now) != 0 {
		t.Error("another address was forgotten than the one that was quiet for longest")
	}
}

func TestWhatCountsAsOneAddress(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1:1234": "192.0.2.1/32", "192.0.2.1": "192.0.2.1/32", "[::ffff:192.0.2.1]:9": "192.0.2.1/32",
		"[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1::/56", "[2001:db8:1:2ff:ffff::]:1": "2001:db8:1:200::/56", "[fe80::1%eth0]:1": "fe80::/56", "@": "invalid Prefix", "": "invalid Prefix",
	} {
		if got := addressOf(in).String(); got != want {
			t.Errorf("%q counts as %s, want %s", in, got, want)
		}
	}
}

func TestARangeOfAddressesHasNoMoreThanAFewClientsHave(t *testing.T) {
	paces, err := parseRates("2/h")
	if err != nil {
		t.Fatal(err)
	}
	l, now := newAddressLimit(paces), time.Unix(1000, 0)
	sent := func(format string, networks int) (n int) {
		for i := range networks {
			for range 3 {
				if l.wait(addressOf(fmt.Sprintf(format, i)), now) == 0 {
					n++
				}
			}
		}
		return n
	}
	if n := sent("[2001:db8:1:0%02x::1]:1", 256); n != 2 {
		t.Errorf("256 networks of one /56 may send %d messages, want 2", n)
	}
	if n := sent("[2001:db8:2:%02x00::1]:1", 256); n != 2*widerRoom {
		t.Errorf("256 networks of one /48 may send %d messages, want %d", n, 2*widerRoom)
	}
	if n := sent("[2001:db8:%x::1]:1", 16); n != 2*14 {
		t.Errorf("14 fresh networks may send %d messages, want 28", n)
	}
}
