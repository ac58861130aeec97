package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/bridgetest"
)

// A ground is one simulated platform with the program's account on it, in words that all platforms share.
type ground struct {
	platform string
	bridge   string // the section of the bridge, which is called as the platform is
	direct   func(name string) *seat
	room     func(name string) *seat // with one person in it
	waitFor  func(context.Context, func() bool) error
	onSend   func(func()) // a post has arrived and is not there yet
	repeats  bool         // the platform has no means against a repeat of what was in flight
}

// A seat is where one person writes.
type seat struct {
	id    string // of the channel
	write func(text string)
	texts func() []string // what stands there of the program's
}

func grounds(t *testing.T) []*ground {
	t.Helper()
	return []*ground{onTelegram(t), onDiscord(t), onSlack(t)}
}

func onTelegram(t *testing.T) *ground {
	t.Helper()
	s, err := bridgetest.NewTelegram(bridgetest.TelegramOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	bot := s.AddBot(bridgetest.BotOptions{ReadsAll: true})
	sit := func(u *bridgetest.User, c *bridgetest.Chat) *seat {
		return &seat{
			id: strconv.FormatInt(c.ID, 10), write: func(text string) { s.Write(bridgetest.Line{Chat: c, From: u, Text: text}) },
			texts: func() (all []string) {
				for _, p := range s.PostsIn(c) {
					if !p.Deleted {
						all = append(all, p.Text)
					}
				}
				return all
			},
		}
	}
	return &ground{
		platform: "telegram", bridge: fmt.Sprintf("token = %q\napi_url = %q\nmax_in_flight = %d\n", bot.Token, s.URL(), maxInFlight), waitFor: s.WaitFor, repeats: true,
		direct: func(name string) *seat { u := s.AddUser(name); return sit(u, s.Direct(u, bot)) },
		room:   func(name string) *seat { return sit(s.AddUser("Somebody"), s.AddSupergroup(name, bot)) },
		onSend: func(f func()) {
			s.OnStep(func(st bridgetest.Step) {
				if st.Name == bridgetest.SendReceived {
					f()
				}
			})
		},
	}
}

func onDiscord(t *testing.T) *ground {
	t.Helper()
	s := bridgetest.NewDiscord(t, bridgetest.DiscordOptions{IdentifyEvery: -1})
	bot := s.AddBot(bridgetest.DiscordBotOptions{MessageContent: true})
	guild := s.AddGuild("Guild", bot)
	sit := func(u *bridgetest.DiscordUser, c *bridgetest.DiscordChannel) *seat {
		return &seat{
			id: c.ID, texts: func() []string { return s.Texts(c) },
			write: func(text string) { s.Say(bridgetest.DiscordLine{Channel: c, From: u, Text: text}) },
		}
	}
	return &ground{
		platform: "discord", waitFor: s.WaitFor,
		bridge: fmt.Sprintf("token = %q\napi_url = %q\nmessage_content = true\n", bot.Token, s.URL()),
		direct: func(name string) *seat { u := s.AddUser(name); return sit(u, s.DM(u, bot)) },
		room:   func(name string) *seat { return sit(s.AddUser("Somebody"), s.AddText(guild, name, nil)) },
		onSend: func(f func()) {
			s.OnStep(func(st bridgetest.DiscordStep) {
				if st.Name == bridgetest.SendReceived {
					f()
				}
			})
		},
	}
}

func onSlack(t *testing.T) *ground {
	t.Helper()
	// Sent again soon, and for as long as a test takes: Slack's own pauses are minutes.
	s, err := bridgetest.NewSlack(bridgetest.SlackOptions{
		InOrder: true, AckWithin: time.Second, Retries: slices.Repeat([]time.Duration{50 * time.Millisecond}, 2000),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	team := s.AddTeam("Workspace", "")
	app := s.AddApp(team, bridgetest.SlackAppOptions{})
	sit := func(u *bridgetest.SlackUser, c *bridgetest.SlackChannel) *seat {
		return &seat{
			id: c.ID, write: func(text string) { s.Write(bridgetest.SlackLine{Channel: c, From: u, Text: text}) },
			texts: func() (all []string) {
				for _, p := range s.PostsIn(c, "") {
					if !p.Deleted {
						all = append(all, p.Text)
					}
				}
				return all
			},
		}
	}
	return &ground{
		platform: "slack", waitFor: s.WaitFor,
		bridge: fmt.Sprintf("bot_token = %q\napp_token = %q\napi_url = %q\n", app.BotToken, app.AppToken, s.URL()),
		direct: func(name string) *seat { u := s.AddUser(team, name); return sit(u, s.Direct(app, u)) },
		room: func(name string) *seat {
			u := s.AddUser(team, "Somebody")
			return sit(u, s.AddChannel(team, name, app.User, u))
		},
		onSend: func(f func()) {
			s.OnStep(func(st bridgetest.SlackStep) {
				if st.Name == bridgetest.SendReceived {
					f()
				}
			})
		},
	}
}

// A cast is the program with three avatars, luna (Virtual Protocol), concierge (Voximplant) and local (openai), whose services are simulated.
type cast struct {
	voxRig
	luna  *avatartest.Virtuals
	local *avatartest.OpenAI
}

// newCast starts the services and writes a configuration: of each avatar, of the store, and the bridges that are given as TOML.
func newCast(t *testing.T, store string, bridges ...string) *cast {
	t.Helper()
	vox, err := avatartest.NewVoximplant(avatartest.VoximplantConfig{Answer: silent})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(vox.Close)
	luna, err := avatartest.NewVirtuals(avatartest.VirtualsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(luna.Close)
	local, err := avatartest.NewOpenAI(avatartest.OpenAIConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(local.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	r := &rig{t: t, dir: t.TempDir(), public: freeAddr(t), admin: freeAddr(t)}
	writeFile(t, r.dir, "config.toml", fmt.Sprintf(`
[server]
listen = %q
admin_listen = %q
public_url = "http://%s"
[store]
url = "sqlite:a.db"
%s
[limits]
person = "off"
room = "off"
avatar = "off"
[messages]
ai_notice = ""
[avatars.luna]
backend = "virtuals"
api_key = %q
api_secret = %q
virtual_id = "1"
speech = false
api_url = %q
allow_private = true
%s[avatars.local]
backend = "openai"
base_url = %q
api_key = %q
model = "sim-large"
%s`, r.public, r.admin, r.public, store, luna.APIKey(), luna.APISecret(), luna.URL(),
		overREST(vox), local.URL(), local.APIKey(), strings.Join(bridges, "")))
	t.Cleanup(r.kill)
	return &cast{voxRig{r, vox, ctx}, luna, local}
}

// overREST is the section of the avatar concierge.
func overREST(vox *avatartest.Voximplant) string {
	return fmt.Sprintf("[avatars.concierge]\nbackend = \"voximplant\"\naccount_id = %q\napi_key = %q\navatar_id = %q\napi_url = %q\nallow_private = true\n",
		vox.AccountID(), vox.APIKey(), vox.AvatarID(), vox.URL())
}

// overGRPC is the same over gRPC.
func overGRPC(vox *avatartest.VoximplantGRPC) string {
	of := vox.Config()
	return fmt.Sprintf("[avatars.concierge]\nbackend = \"voximplant\"\ntransport = \"grpc\"\naccount_id = \"%d\"\napi_key = %q\navatar_id = %q\napi_url = %q\nallow_private = true\n",
		of.AccountID, of.APIKey, of.AvatarID, vox.URL())
}

// bridgeTo is a bridge with the avatar concierge, and more lines.
func (g *ground) bridgeTo(more string) string {
	return fmt.Sprintf("[bridges.%s]\nplatform = %q\navatar = \"concierge\"\n%s%s", g.platform, g.platform, g.bridge, more)
}

// routeTo is a route of the ground's bridge.
func (g *ground) routeTo(s *seat, avatar, more string) string {
	return fmt.Sprintf("[[bridges.%s.routes]]\nchannels = [%q]\navatar = %q\nreply_when = \"always\"\n%s", g.platform, s.id, avatar, more)
}

// stand waits until exactly these texts stand in a seat.
func (c *cast) stand(g *ground, s *seat, want ...string) {
	c.t.Helper()
	if err := g.waitFor(c.ctx, func() bool { return slices.Equal(s.texts(), want) }); err != nil {
		c.t.Fatalf("%s: %v; %q stands there, want %q; the log ends with\n%s", g.platform, err, s.texts(), want, tail(c.logged()))
	}
}
