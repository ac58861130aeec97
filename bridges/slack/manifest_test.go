package slack

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// manifest is the README's.
func manifest(t *testing.T) (m struct {
	Features struct {
		Commands []struct{ Command string } `json:"slash_commands"`
		Home     struct {
			Messages bool `json:"messages_tab_enabled"`
			ReadOnly bool `json:"messages_tab_read_only_enabled"`
		} `json:"app_home"`
	}
	OAuth struct {
		Scopes struct{ Bot []string }
	} `json:"oauth_config"`
	Settings struct {
		Events struct {
			Bot []string `json:"bot_events"`
		} `json:"event_subscriptions"`
		SocketMode bool `json:"socket_mode_enabled"`
		Rotation   bool `json:"token_rotation_enabled"`
	}
}) {
	t.Helper()
	content, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(content), "\n## Connect Slack\n")
	section, _, _ = strings.Cut(section, "\n## ")
	block := regexp.MustCompile("(?ms)^ *```json\n(.*?)^ *```$").FindStringSubmatch(section)
	if block == nil {
		t.Fatal("the README has no manifest")
	}
	decoder := json.NewDecoder(strings.NewReader(block[1]))
	if err := decoder.Decode(&m); err != nil {
		t.Fatalf("the README's manifest is no JSON: %v", err)
	}
	return m
}

func TestTheManifestAsksForExactlyTheScopesThatAreUsed(t *testing.T) {
	got := manifest(t).OAuth.Scopes.Bot
	var want []string
	cfg := Default()
	for _, s := range cfg.wanted() {
		want = append(want, s.name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the manifest has %v, the code %v", got, want)
	}
}

func TestTheManifestSubscribesToWhatIsHeard(t *testing.T) {
	m := manifest(t)
	for _, e := range []string{"app_mention", "message.channels", "message.groups", "message.im", "message.mpim", "assistant_thread_started",
		"app_uninstalled", "tokens_revoked"} {
		if !slices.Contains(m.Settings.Events.Bot, e) {
			t.Errorf("the manifest does not subscribe to %s", e)
		}
	}
	if !m.Settings.SocketMode || m.Settings.Rotation || !m.Features.Home.Messages || m.Features.Home.ReadOnly {
		t.Errorf("Socket Mode and direct messages must be on, token rotation off: %+v", m)
	}
}

func TestTheManifestsCommandsAreUnderstood(t *testing.T) {
	got := map[string]bool{}
	for _, c := range manifest(t).Features.Commands {
		name, _ := slashCommand(c.Command, "")
		got[name] = true
	}
	for _, name := range []string{"", "reset", "mute", "unmute"} {
		if !got[name] {
			t.Errorf("the manifest has no command for %q", name)
		}
	}
}
