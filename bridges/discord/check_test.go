package discord

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// checked joins what Check found.
func (w *world) checked(changes ...func(*Config)) string {
	var all []string
	for _, f := range w.bridge(nil, changes...).Check(w.ctx) {
		all = append(all, fmt.Sprint(f.OK, " ", f.What, " ", f.Fix))
		if f.OK != (f.Fix == "") {
			w.Errorf("a finding that is not OK has a fix, and none else: %+v", f)
		}
		if strings.Contains(f.What+f.Fix, w.bot.Token) {
			w.Error("the token is shown")
		}
	}
	return strings.Join(all, "\n")
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	good := w.checked()
	for _, want := range []string{"token accepted: Luna", "true in servers the bot reads mentions", "1000 sessions left", "clock agrees",
		"has the permissions it needs", "https://discord.com/oauth2/authorize?client_id=" + w.bot.ApplicationID + "&scope=bot+applications.commands&permissions="} {
		if !strings.Contains(good, want) {
			t.Errorf("no %q in\n%s", want, good)
		}
	}
	if strings.Contains(good, "false") {
		t.Errorf("something is wrong:\n%s", good)
	}
	w.d.Deny(w.room, w.bot, bridgetest.PermSendMessages|bridgetest.PermReadHistory)
	for want, change := range map[string]func(*Config){
		"false the intent Message Content is missing":               func(c *Config) { c.MessageContent = true },
		`a room has reply_when = "always"`:                          func(c *Config) { c.ReadsRooms = true },
		"lacks the permissions Send Messages, Read Message History": func(c *Config) { c.Rooms = []string{w.room.ID} },
		"is in no such channel":                                     func(c *Config) { c.Rooms = []string{"123456789012345678"} },
		"which is no id":                                            func(c *Config) { c.Rooms = []string{"#general"} },
		"false Discord is not reached":                              func(c *Config) { c.APIURL = "http://127.0.0.1:1" },
		"false Discord refuses the token":                           func(c *Config) { c.Token = strings.Repeat("x", 59) },
	} {
		if got := w.checked(change); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if got := w.checked(func(c *Config) { c.Rooms = []string{w.guild.ID, w.rooms.ID} }); strings.Contains(got, "false") {
		t.Errorf("a server and a category are not right:\n%s", got)
	}
	w.d.Deny(w.room, w.bot, bridgetest.PermViewChannel)
	if got := w.checked(func(c *Config) { c.Rooms = []string{w.room.ID} }); !strings.Contains(got, "View Channels") {
		t.Errorf("a channel that the bot does not see:\n%s", got)
	}
	if n := w.d.PostCount() + len(w.d.Identifies(w.bot)); n != 0 {
		t.Error("check posts, or begins sessions")
	}
}

func TestCheckTellsOfAClockThatIsWrong(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	for ahead, want := range map[time.Duration]string{0: "agrees", time.Minute: "1m0s behind", -time.Minute: "1m0s ahead of"} {
		b.ahead.Store(int64(ahead))
		if f := b.checkClock(); !strings.Contains(f.What, want) {
			t.Errorf("%v: %s", ahead, f.What)
		}
	}
}
