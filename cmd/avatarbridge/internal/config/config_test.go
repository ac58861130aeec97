package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/relay"
	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/store"
)

// pigeon is a platform for these tests.
type pigeon struct {
	Token string `toml:"token"`
	Mode  string `toml:"mode" oneof:"poll,webhook"`
	Loft  string `toml:"-"`
}

func (p *pigeon) Validate() []fault.Setting {
	if p.Token == "" {
		return []fault.Setting{{Key: "token", Problem: "is missing: ask the pigeon"}}
	}
	return nil
}

// oracle is a backend for these tests.
type oracle struct {
	APIKey       string         `toml:"api_key"`
	Name         string         `toml:"name"`
	Speech       bool           `toml:"speech"`
	Timeout      time.Duration  `toml:"timeout"`
	AllowPrivate bool           `toml:"allow_private"`
	Metadata     map[string]any `toml:"metadata"`
}

var kinds = config.Kinds{
	Platforms: []config.Kind{{
		Name: "pigeon",
		New:  func() any { return &pigeon{Mode: "poll"} },
		NeedsPublicURL: func(c any) string {
			if c.(*pigeon).Mode == "webhook" {
				return "mode"
			}
			return ""
		},
	}, {
		Name: "web", New: func() any { return &struct{}{} }, Visitors: true,
		Settings: relay.Settings{Audio: "native", ShowEmotion: true, ShowAnimation: true},
	}},
	Backends: []config.Kind{
		{Name: "oracle", New: func() any { return &oracle{Speech: true} }},
		{Name: "echo", New: func() any { return &struct{}{} }},
	},
}

func environment(vars map[string]string) config.Lookup {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

func parse(t *testing.T, document string, vars map[string]string) (*config.Config, error) {
	t.Helper()
	return config.Parse("config.toml", t.TempDir(), []byte(document), kinds, environment(vars))
}

func accepted(t *testing.T, document string, vars map[string]string) *config.Config {
	t.Helper()
	c, err := parse(t, document, vars)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const small = `
[avatars.luna]
backend = "oracle"
name = "Luna"
api_key = "k"
[avatars.demo]
backend = "echo"
[bridges.loft]
platform = "pigeon"
token = "t"
avatar = "luna"
`

func TestWhatIsNotWrittenHasDefaults(t *testing.T) {
	c := accepted(t, small, nil)
	if c.Server.Listen != "127.0.0.1:8080" || c.Store.Keep != 720*time.Hour || c.Log.Format != "auto" {
		t.Errorf("defaults: %+v %+v %+v", c.Server, c.Store, c.Log)
	}
	if diff := cmp.Diff(relay.DefaultMessages(), c.Messages); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	want := relay.Settings{Avatar: "luna", Limits: relay.Limits{
		Person: []relay.Rate{{Max: 10, Every: time.Minute}, {Max: 200, Every: 24 * time.Hour}},
		Room:   []relay.Rate{{Max: 30, Every: time.Minute}, {Max: 1000, Every: 24 * time.Hour}},
		Avatar: []relay.Rate{{Max: 120, Every: time.Minute}, {Max: 20000, Every: 24 * time.Hour}},
	}}
	if diff := cmp.Diff(want, c.Bridges[0].Default); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if o := c.Avatars[0].Config.(*oracle); !o.Speech || o.Name != "Luna" || c.Avatars[0].Display != "Luna" {
		t.Errorf("avatar: %+v, display %q", o, c.Avatars[0].Display)
	}
}

func TestRouteTakesFromItsBridgeWhatItLeavesOut(t *testing.T) {
	c := accepted(t, small+`
audio = "native"
show = ["emotion"]
limits = { person = "off" }
rooms = "all"
on_unclear = "hold"
catch_up = "1h"
[[bridges.loft.routes]]
channels = ["-100"]
avatar = "demo"
reply_when = "always"
scope = "room"
show = []
limits = { room = "1/h" }
`, nil)
	b := c.Bridges[0]
	if !b.AllRooms || !b.HoldUnclear || b.CatchUp != time.Hour {
		t.Errorf("bridge: %+v", b)
	}
	want := relay.Settings{
		Avatar: "demo", ReplyWhen: relay.ReplyAlways, Memory: store.MemoryRoom, Audio: "native",
		Limits: relay.Limits{Room: []relay.Rate{{Max: 1, Every: time.Hour}}, Avatar: b.Default.Limits.Avatar},
	}
	if diff := cmp.Diff(want, b.Routes[0].Settings); diff != "" {
		t.Errorf("route (-want +got):\n%s", diff)
	}
	if !b.Default.ShowEmotion || b.Default.Limits.Person != nil {
		t.Errorf("the bridge's own settings: %+v", b.Default)
	}
}

func TestARoutesListsOfWhoMaySpeakReplaceThoseOfItsBridge(t *testing.T) {
	c := accepted(t, small+`
allow = ["42", "-100"]
deny = ["666"]
[[bridges.loft.routes]]
channels = ["as its bridge"]
[[bridges.loft.routes]]
channels = ["others"]
allow = ["43"]
deny = ["667", "668"]
[[bridges.loft.routes]]
channels = ["everybody"]
allow = []
deny = []
`, nil)
	b := c.Bridges[0]
	lists := [][2][]string{{b.Default.Allow, b.Default.Deny}}
	for _, r := range b.Routes {
		lists = append(lists, [2][]string{r.Settings.Allow, r.Settings.Deny})
	}
	want := [][2][]string{{{"42", "-100"}, {"666"}}, {{"42", "-100"}, {"666"}}, {{"43"}, {"667", "668"}}, {{}, {}}}
	if diff := cmp.Diff(want, lists); diff != "" {
		t.Errorf("allow and deny (-want +got):\n%s", diff)
	}
	if c := accepted(t, small, nil); c.Bridges[0].Default.Allow != nil || c.Bridges[0].Default.Deny != nil {
		t.Errorf("without lists: %+v", c.Bridges[0].Default)
	}
}

func TestAPlatformsOwnDefaultsHoldWhereItsBridgeSaysNothing(t *testing.T) {
	c := accepted(t, small+`
[bridges.site]
platform = "web"
avatar = "luna"
[[bridges.site.routes]]
channels = ["x"]
show = ["emotion"]
[bridges.quiet]
platform = "web"
avatar = "luna"
audio = "off"
show = []
limits = { person = "1/h" }
`, nil)
	loft, site, quiet := c.Bridges[0], c.Bridges[1], c.Bridges[2]
	if s := site.Default; s.Avatar != "luna" || s.Audio != "native" || !s.ShowEmotion || !s.ShowAnimation || len(s.Limits.Person) != 2 {
		t.Errorf("the bridge that says nothing: %+v", s)
	}
	if s := site.Routes[0].Settings; s.Audio != "native" || !s.ShowEmotion || s.ShowAnimation {
		t.Errorf("its route: %+v", s)
	}
	if s := quiet.Default; s.Audio != "off" || s.ShowEmotion || s.ShowAnimation || len(s.Limits.Person) != 1 {
		t.Errorf("the bridge that says something: %+v", s)
	}
	if s := loft.Default; s.Audio != "" || s.ShowEmotion {
		t.Errorf("another platform: %+v", s)
	}
}

func TestTrustedProxiesAreAddressesAndRanges(t *testing.T) {
	c := accepted(t, "[server]\ntrusted_proxies = [\"10.0.0.2\", \"192.168.1.7/16\", \"::1\", \"fd00::/8\", \"::ffff:127.0.0.1\"]\n"+small, nil)
	want := []string{"10.0.0.2/32", "192.168.0.0/16", "::1/128", "fd00::/8", "127.0.0.1/32"}
	var got []string
	for _, p := range c.Server.Proxies {
		got = append(got, p.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAvatarsAndBridgesKeepTheFilesOrder(t *testing.T) {
	c := accepted(t, `
[avatars.zoe]
backend = "echo"
[avatars.anna]
backend = "echo"
[bridges]
two = { platform = "pigeon", token = "2", avatar = "anna" }
one = { platform = "pigeon", token = "1", avatar = "zoe" }
`, nil)
	if c.Avatars[0].Name != "zoe" || c.Bridges[0].Name != "two" || c.Bridges[1].Name != "one" {
		t.Errorf("%+v %+v", c.Avatars, c.Bridges)
	}
}

func TestVariablesAreExpandedInValuesOnly(t *testing.T) {
	c := accepted(t, `
# ${NOT_SET} in a comment is nothing
[avatars.luna]
backend = "oracle"
api_key = "a-${KEY}-b"
name = "$${KEY} costs 5$"
metadata = { deep = ["${KEY}"] }
`, map[string]string{"KEY": "quote\" and\nline"})
	o := c.Avatars[0].Config.(*oracle)
	if o.APIKey != "a-quote\" and\nline-b" || o.Name != "${KEY} costs 5$" {
		t.Errorf("%+v", o)
	}
	if diff := cmp.Diff(map[string]any{"deep": []any{"quote\" and\nline"}}, o.Metadata); diff != "" {
		t.Error(diff)
	}
}

func TestSecretMayComeFromAFileBesideTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"config.toml": strings.ReplaceAll(small, `token = "t"`, `token_file = "secrets/token"`),
		"token":       "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "config.toml")
	_, err := config.Load(file, kinds, environment(nil))
	if err == nil || !strings.Contains(err.Error(), "bridges.loft.token_file must name a file with the secret in it") {
		t.Fatalf("without the file: %v", err)
	}
	if strings.Contains(err.Error(), "secrets/token") {
		t.Errorf("the fault repeats what stands there, which may be the secret itself: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secrets", "token"), []byte("  abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, kinds, environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Bridges[0].Config.(*pigeon).Token; got != "abc" {
		t.Errorf("token %q", got)
	}
	if want := filepath.Join(dir, "avatarbridge.db"); c.Store.Path != want || c.Media.Dir != want+".media" {
		t.Errorf("store %q, media %q: want them beside the file", c.Store.Path, c.Media.Dir)
	}
}

func TestMissingFileIsToldApart(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "none.toml"), kinds, environment(nil))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestWarningsDoNotStopTheProgram(t *testing.T) {
	c := accepted(t, "[server]\nadmin_listen = \":8081\"\npublic_url = \"http://bot.example.com/\"\n"+small, nil)
	if len(c.Warnings) != 2 || c.Warnings[0].Line != 2 || c.Warnings[1].Line != 3 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	if c.Server.PublicURL != "http://bot.example.com" {
		t.Errorf("public_url %q", c.Server.PublicURL)
	}
}

func TestDefaultIsTheFileAtTheTop(t *testing.T) {
	top, err := os.ReadFile("../../../../config.toml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(top), string(config.Default)); diff != "" {
		t.Errorf("config.toml differs from default.toml: copy it there (-config.toml +default.toml):\n%s", diff)
	}
}

func TestDefaultNeedsNoVariable(t *testing.T) {
	c, err := config.Parse("config.toml", ".", config.Default, kinds, environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Avatars) != 1 || len(c.Bridges) != 1 || c.Bridges[0].Platform != "web" {
		t.Errorf("%d avatars, bridges %+v", len(c.Avatars), c.Bridges)
	}
}

func TestVisitorsShareHalfOfWhatAnAvatarMayDoUnlessTheFileSaysMore(t *testing.T) {
	const page = "\n[bridges.page]\nplatform = \"web\"\navatar = \"luna\"\n"
	for name, c := range map[string]struct {
		written string
		want    []relay.Rate
	}{
		"by default":            {small + page, []relay.Rate{{Max: 60, Every: time.Minute}, {Max: 10000, Every: 24 * time.Hour}}},
		"of the bridge's own":   {small + page + "limits = {avatar = \"5/h\"}", []relay.Rate{{Max: 2, Every: time.Hour}}},
		"without a limit":       {small + page + "limits = {avatar = \"off\"}", nil},
		"of one message":        {small + page + "limits = {avatar = \"1/h\"}", []relay.Rate{{Max: 1, Every: time.Hour}}},
		"written at the bridge": {small + page + "limits = {bridge = \"7/m\"}", []relay.Rate{{Max: 7, Every: time.Minute}}},
		"written for all":       {"[limits]\nbridge = \"9/m\"\n" + small + page, []relay.Rate{{Max: 9, Every: time.Minute}}},
		"switched off for all":  {"[limits]\nbridge = \"off\"\n" + small + page, nil},
	} {
		got := accepted(t, c.written, nil).Bridges[1].Default.Limits.Bridge
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPagesOfOneAvatarShareOneHalfOfWhatItMayDo(t *testing.T) {
	const page = "[bridges.%s]\nplatform = \"web\"\navatar = %q\n%s\n"
	written := small + fmt.Sprintf(page, "one", "luna", "") + fmt.Sprintf(page, "two", "luna", "") + fmt.Sprintf(page, "three", "luna", "") +
		fmt.Sprintf(page, "other", "demo", "") + fmt.Sprintf(page, "own", "luna", `limits = {bridge = "50/m"}`)
	want := map[string]int{"one": 20, "two": 20, "three": 20, "other": 60, "own": 50}
	for _, b := range accepted(t, written, nil).Bridges {
		if b.Platform == "web" && b.Default.Limits.Bridge[0].Max != want[b.Name] {
			t.Errorf("%s may do %v, want %d a minute", b.Name, b.Default.Limits.Bridge, want[b.Name])
		}
	}
}
