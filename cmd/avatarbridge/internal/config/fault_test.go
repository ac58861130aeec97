package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"avatarbridge/cmd/avatarbridge/internal/config"
)

// faults returns what is wrong with a document, a line each, without the file's name.
func faults(t *testing.T, document string, vars map[string]string) []string {
	t.Helper()
	_, err := parse(t, document, vars)
	all, ok := errors.AsType[config.Faults](err)
	if !ok {
		t.Fatalf("want faults, got %v", err)
	}
	lines := make([]string, len(all))
	for i, f := range all {
		lines[i] = strings.TrimPrefix(f.String(), "config.toml:")
	}
	return lines
}

func TestAllFaultsAreFoundAtOnceInTheFilesOrder(t *testing.T) {
	got := faults(t, `[server]
  lisen = "127.0.0.1:80"
[store]
keep = "1d"
[avatar.x]
[avatars.luna]
backend = "oracle"
timeout = 5
api_key = "${KEY}"
speech = "yes"
[bridges.loft]
platform = "pigeon"
avatar = "lunna"
reply_when = "allways"
[[bridges.loft.routes]]
channels = [1, "2"]
audio = "mp3"
[[bridges.loft.routes]]
chanels = ["1"]
[bridges.other]
platform = "discord"
avatar = "luna"
`, nil)
	want := []string{
		`2:3: server.lisen is no key here: did you mean "listen"?`,
		`4:1: store.keep must be a duration such as "90s", "15m" or "720h", not "1d"`,
		`5:2: avatar is no key here: did you mean "avatars"?`,
		`8:1: avatars.luna.timeout must be a duration such as "90s", "15m" or "720h", not a number`,
		`9:1: avatars.luna.api_key needs the environment variable KEY, which is not set: export KEY=… before the start`,
		`10:1: avatars.luna.speech must be true or false, without quotes, not text`,
		`11:10: bridges.loft.token is missing: ask the pigeon`,
		`13:1: bridges.loft.avatar is "lunna", and there is no [avatars.lunna]: did you mean "luna"? It may be "luna"`,
		`14:1: bridges.loft.reply_when is "allways": did you mean "always"? It may be "mention", "always" or "never"`,
		`16:13: bridges.loft.routes[0].channels[0] must be text in quotes, not a number`,
		`17:1: bridges.loft.routes[0].audio is "mp3": it may be "native", "file", "link" or "off"`,
		`18:16: bridges.loft.routes[1].channels is missing: list the ids of the rooms that the route is for, such as ["-1001234567890"]`,
		`19:1: bridges.loft.routes[1].chanels is no key here: did you mean "channels"?`,
		`21:1: bridges.other.platform is "discord", which this version does not have: it may be "pigeon" or "web"`,
	}
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("fault %d:\n got %s\nwant %s", i, g, w)
		}
	}
}

func TestFaultsSayWhatWouldBeRight(t *testing.T) {
	for _, test := range []struct{ name, document, want string }{
		{"limit", small + "limits = { person = \"10/w\" }", `bridges.loft.limits.person is "10/w", which is no rate: write "10/m, 200/d"`},
		{"public_url", small + `mode = "webhook"`, `bridges.loft.mode needs server.public_url`},
		{"catch_up", small + `catch_up = "721h"`, `bridges.loft.catch_up is longer than store.keep (720h)`},
		{"one account", small + "[bridges.copy]\nplatform = \"pigeon\"\ntoken = \"t\"\navatar = \"demo\"", `bridges.copy.token is the token of bridges.loft too`},
		{"bridge name", small + "[bridges.\"My Bot\"]\nplatform = \"pigeon\"\ntoken = \"u\"\navatar = \"demo\"", `bridges."My Bot" has a name that cannot be part of an address`},
		{"address", "[server]\nlisten = \"8080\"\n" + small, `server.listen is no address to listen at: write host:port`},
		{"one address", "[server]\nadmin_listen = \"127.0.0.1:8080\"\n" + small, `server.admin_listen is the address of server.listen`},
		{"admin token", "[server]\nadmin_token = \"abc\"\n" + small, `server.admin_token is too short`},
		{"proxy", "[server]\ntrusted_proxies = [\"proxy\"]\n" + small, `server.trusted_proxies[0] is no address`},
		{"proxy with a port", "[server]\ntrusted_proxies = [\"10.0.0.2:80\"]\n" + small, `server.trusted_proxies[0] is no address`},
		{"proxy of one network card", "[server]\ntrusted_proxies = [\"10.0.0.2\", \"fe80::1%eth0\"]\n" + small, `server.trusted_proxies[1] is no address`},
		{"everybody a proxy", "[server]\ntrusted_proxies = [\"0.0.0.0/0\"]\n" + small, `server.trusted_proxies[0] trusts everybody`},
		{"range in disguise", "[server]\ntrusted_proxies = [\"::ffff:10.0.0.0/104\"]\n" + small, `server.trusted_proxies[0] is a range of IPv4 addresses written as IPv6`},
		{"address of the world", "[server]\npublic_url = \"bot.example.com\"\n" + small, `server.public_url is no public address`},
		{"store", "[store]\nurl = \"postgres://localhost\"\n" + small, `store.url must name a file that SQLite keeps`},
		{"size", "[store]\nmax_bytes = 4096\n" + small, `store.max_bytes is 4096: it must be at least 1048576 (1 MiB), or 0`},
		{"least", small + "max_in_flight = 0", `bridges.loft.max_in_flight is 0: it must be at least 1`},
		{"rate", small + "rate = \"20/m, 1/s\"", `bridges.loft.rate is "20/m, 1/s", which is no rate: write one like "20/m"`},
		{"no rate", small + "rate = \"fast\"", `bridges.loft.rate is "fast", which is no rate: write one like "20/m"`},
		{"both", small + "token_file = \"x\"", `bridges.loft.token_file stands beside token: keep one of the two`},
		{"no avatar", "[log]\nlevel = \"info\"", `avatars has no avatar: add one`},
		{"no avatar for a bridge", "[bridges.loft]\nplatform = \"pigeon\"\ntoken = \"t\"\navatar = \"demo\"", `bridges.loft.avatar needs an avatar, and the file has none`},
		{"no platform", "[avatars.demo]\nbackend = \"echo\"\n[bridges.loft]\navatar = \"demo\"", `bridges.loft.platform is missing: it may be "pigeon" or "web"`},
		{"half a variable", "[log]\nlevel = \"${\"\n" + small, `log.level holds "${" without a name`},
		{"section as value", "avatars = 3", `avatars must be tables, each with a name, such as [avatars.demo], not a number`},
		{"routes as a table", small + "[bridges.loft.routes]\nchannels = [\"1\"]", `bridges.loft.routes must be tables, each under [[bridges.loft.routes]], not a table`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := strings.Join(faults(t, test.document, nil), "\n"); !strings.Contains(got, test.want) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestListsOfWhoMaySpeakHoldIDsAlone(t *testing.T) {
	got := faults(t, small+`
allow = "42"
deny = ["42", "", " 43"]
[[bridges.loft.routes]]
channels = ["1"]
allow = [42]
deny = { id = "42" }
`, nil)
	const noID = " is no id: write the platform's id of a person, a role or a place, in quotes, without spaces"
	want := []string{
		"13:1: bridges.loft.allow must be a list in brackets, not text",
		"14:15: bridges.loft.deny[1]" + noID,
		"14:19: bridges.loft.deny[2]" + noID,
		"17:10: bridges.loft.routes[0].allow[0] must be text in quotes, not a number",
		"18:1: bridges.loft.routes[0].deny must be a list in brackets, not a table",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestVariableThatIsSetToNothingIsNamed(t *testing.T) {
	got := faults(t, strings.ReplaceAll(small, `token = "t"`, `token = "${TOKEN}"`), map[string]string{"TOKEN": ""})
	want := `10:1: bridges.loft.token is missing: ask the pigeon (the environment variable TOKEN is set to nothing)`
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBadTOMLIsDrawn(t *testing.T) {
	got := strings.Join(faults(t, "[server]\nlisten 127.0.0.1\n", nil), "\n")
	for _, want := range []string{"2:", "is not valid TOML", "\n  listen 127.0.0.1\n", "^"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

func TestUsualSlipsInTOMLAreToldInPlainWords(t *testing.T) {
	for _, test := range []struct{ name, document, want string }{
		{"no quotes", "[server]\nlisten = 127.0.0.1\n", `2:15: server.listen needs quotes around its text: listen = "…"`},
		{"no quotes around a word", "[log]\nlevel = debug # loud\n", `2:9: log.level needs quotes around its text: level = "…"`},
		{"no quotes around a duration", "[turns]\n ask_timeout = 10m\n", `turns.ask_timeout needs quotes around its text`},
		{"no value", "[server]\n[log]\nlevel =\n", `log.level has no value: write one after the =, such as level = "…", or put a # before the line`},
		{"no value but a remark", "level = # loud\n", `level has no value`},
		{"no end of quotes", "[log]\nlevel = \"info\n", `log.level is text whose quote does not end in its line`},
		{"table twice", string(config.Default) + "[avatars.demo]\nbackend = \"echo\"\n", fmt.Sprintf("[avatars.demo] stands at line %d already: merge the two",
			strings.Count(string(config.Default[:strings.Index(string(config.Default), "[avatars.demo]")]), "\n")+1)},
		{"section twice", "[server]\n\n[log]\n[server]\n", `4:2: [server] stands at line 1 already: merge the two`},
		{"key of a route twice", small + "[[bridges.loft.routes]]\nscope = \"room\"\n[[bridges.loft.routes]]\nscope = \"room\"\nscope = \"room\"\n", `bridges.loft.routes.scope stands at line`},
		{"key twice", "[log]\nlevel = \"info\"\nlevel = \"warn\"\n", `log.level stands at line 2 already: keep one of the two`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := strings.Join(faults(t, test.document, nil), "\n")
			if !strings.Contains(got, test.want) || strings.Contains(got, "U+") {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestTokenWithoutQuotesIsNotShown(t *testing.T) {
	for _, line := range []string{"token = 12345:canary", "api_key = canary", "url = http://canary"} {
		for _, document := range []string{"[bridges.loft]\n" + line + "\n", line + "\nlevel = debug\n", "level = debug\n" + line} {
			if got := strings.Join(faults(t, document, nil), "\n"); strings.Contains(got, "canary") {
				t.Errorf("%q: %s", document, got)
			}
		}
	}
}

func TestFaultsElsewhereDoNotKeepTheOperatorFromTheDatabase(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.toml")
	load := func(document string) (*config.Config, error) {
		if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
			t.Fatal(err)
		}
		return config.LoadBasics(file, kinds, environment(nil))
	}
	c, err := load("[store]\nurl = \"sqlite:here.db\"\n" + strings.ReplaceAll(small, `token = "t"`, `token = "${UNSET}"`) + "[avatars.x]\nbackend = \"none\"\n[limitz]\n")
	if err != nil || c.Elsewhere != 3 || c.Store.Path != filepath.Join(dir, "here.db") || len(c.Bridges) != 1 || c.Bridges[0].Name != "loft" {
		t.Errorf("%+v, %v", c, err)
	}
	for _, bad := range []string{"[store]\nurl = \"postgres:x\"\n" + small, "[server]\nadmin_token = \"${UNSET}\"\n" + small, small + "token = x\n",
		small + "[media]\ndir = 1\n", "media = 1\n" + small} {
		if _, err := load(bad); err == nil {
			t.Errorf("no fault in %s", bad)
		}
	}
}

func TestNoFaultShowsASecret(t *testing.T) {
	const canary = "canary-7d1f"
	for i, document := range []string{
		"[server]\nadmin_token = \"" + canary[:11] + "\"\n" + small,
		strings.ReplaceAll(small, `token = "t"`, `token = ["`+canary+`"]`),
		strings.ReplaceAll(small, `avatar = "luna"`, `avatar = "${SECRET}"`),
		small + `max_age = "${SECRET}"`,
		small + "limits = { room = \"${SECRET}\" }",
		"[store]\nurl = \"${SECRET}\"\n" + small,
		"[server]\nlisten = \"${SECRET}\"\npublic_url = \"${SECRET}\"\n" + small,
		small + "[bridges.b]\navatar = \"demo\"\nplatform = \"pigeon\"\ntoken = \"t\"",
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			for _, f := range faults(t, document, map[string]string{"SECRET": canary}) {
				if strings.Contains(f, canary) {
					t.Errorf("the fault shows the secret: %s", f)
				}
			}
		})
	}
}

// FuzzDocument proves that no document makes the reader panic, and that each fault has a place.
func FuzzDocument(f *testing.F) {
	f.Add(small)
	f.Add(string(config.Default))
	f.Add("[[a]]\n[[a.b]]\nc=[{d=1}]\n[a.b.e]\nf={g.h=2}")
	f.Add("[bridges]\nx=[[{}]]\n[[avatars.y]]")
	f.Fuzz(func(t *testing.T, document string) {
		_, err := config.Parse("f.toml", t.TempDir(), []byte(document), kinds, environment(nil))
		all, ok := errors.AsType[config.Faults](err)
		if err != nil && (!ok || len(all) == 0) {
			t.Fatalf("an error without faults: %v", err)
		}
	})
}
