package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// A discordRig is the program as a child process with one bridge, to a simulated Discord.
type discordRig struct {
	*rig
	d     *bridgetest.Discord
	bot   *bridgetest.DiscordBot
	guild *bridgetest.DiscordGuild
	room  *bridgetest.DiscordChannel
}

// newDiscordRig starts the simulator and writes the configuration.
func newDiscordRig(t *testing.T, stream bool, more string) *discordRig {
	t.Helper()
	d := bridgetest.NewDiscord(t, bridgetest.DiscordOptions{IdentifyEvery: -1})
	r := &discordRig{rig: &rig{t: t, dir: t.TempDir(), public: freeAddr(t), admin: freeAddr(t)}, d: d, bot: d.AddBot(bridgetest.DiscordBotOptions{})}
	r.guild = d.AddGuild("Guild", r.bot)
	r.room = d.AddText(r.guild, "room", d.AddCategory(r.guild, "Rooms"))
	writeFile(t, r.dir, "config.toml", fmt.Sprintf(`
[server]
listen = %q
admin_listen = %q
[store]
url = "sqlite:a.db"
[limits]
person = "off"
room = "off"
avatar = "off"
[messages]
ai_notice = ""
[avatars.echo]
backend = "echo"
speech = false
stream = %v
[bridges.dc]
platform = "discord"
token = %q
api_url = %q
avatar = "echo"
%s
[[bridges.dc.routes]]
channels = [%q]
`, r.public, r.admin, stream, r.bot.Token, d.URL(), more, r.guild.ID))
	t.Cleanup(r.kill)
	t.Cleanup(func() {
		if strings.Contains(r.logged(), r.bot.Token) {
			t.Error("the token is in the log")
		}
	})
	return r
}

// A discordTalk is what one person writes in one channel.
type discordTalk struct {
	who *bridgetest.DiscordUser
	at  *bridgetest.DiscordChannel
}

func (r *discordRig) talks(direct, inRoom int) []discordTalk {
	var all []discordTalk
	for i := range direct + inRoom {
		u := r.d.AddUser(fmt.Sprint("Person ", i))
		at := r.room
		if i < direct {
			at = r.d.DM(u, r.bot)
		}
		all = append(all, discordTalk{u, at})
	}
	return all
}

// say lets everybody write their message n.
func (r *discordRig) say(talks []discordTalk, n int) {
	for i, k := range talks {
		r.d.Say(bridgetest.DiscordLine{Channel: k.at, From: k.who, Text: r.bot.Mention() + " " + text(i, n)})
	}
}

// count returns which messages were not answered and which more than once, and checks the order of each person's answers.
func (r *discordRig) count(talks []discordTalk, messages int) (missing, doubled []string) {
	r.t.Helper()
	for i, k := range talks {
		texts, last := r.d.Texts(k.at), -1
		for n := range messages {
			at := -1
			for p, shown := range texts {
				if strings.Contains(shown, text(i, n)) {
					if at >= 0 {
						doubled = append(doubled, text(i, n))
					}
					at = p
				}
			}
			switch {
			case at < 0:
				missing = append(missing, text(i, n))
			case at < last:
				r.t.Errorf("%s was answered before what came before it", text(i, n))
			}
			last = max(last, at)
		}
	}
	return missing, doubled
}

// all waits until everything is answered, and checks that nothing was answered twice.
func (r *discordRig) all(ctx context.Context, talks []discordTalk, messages int) {
	r.t.Helper()
	err := r.d.WaitFor(ctx, func() bool {
		missing, _ := r.count(talks, messages)
		return len(missing) == 0
	})
	if err != nil {
		missing, _ := r.count(talks, messages)
		r.t.Fatalf("%v; missing %v; the log ends with\n%s", err, missing, tail(r.logged()))
	}
	r.await("nothing to wait", r.quiet)
	if _, doubled := r.count(talks, messages); len(doubled) > 0 {
		r.t.Errorf("answered twice: %v; the log ends with\n%s", doubled, tail(r.logged()))
	}
}

func TestKilledAtRandomMomentsDiscordGetsEachAnswerOnce(t *testing.T) {
	const kills = 6
	r := newDiscordRig(t, false, "")
	talks := r.talks(20, 10)
	ctx := deadline(t)
	r.start()
	r.ready()
	for n := range kills {
		r.say(talks, n)
		goal := r.d.PostCount() + rand.N(len(talks))
		until, cancel := context.WithTimeout(ctx, 5*time.Second)
		_ = r.d.WaitFor(until, func() bool { return r.d.PostCount() >= goal })
		cancel()
		r.kill()
		r.start()
	}
	r.say(talks, kills)
	r.all(ctx, talks, kills+1)
}

func TestKilledAtEachStepDiscordGetsEachAnswerOnce(t *testing.T) {
	for _, step := range []bridgetest.StepName{bridgetest.DiscordEventSent, bridgetest.SendReceived, bridgetest.SendAnswered} {
		t.Run(string(step), func(t *testing.T) {
			const messages = 6
			r := newDiscordRig(t, false, "")
			talks := r.talks(6, 4)
			ctx := deadline(t)
			r.start()
			r.ready()
			r.say(talks, 0)
			r.all(ctx, talks, 1)
			var count, killed atomic.Int64
			r.d.OnStep(func(s bridgetest.DiscordStep) {
				if s.Name == step {
					if n := count.Add(1); n%15 == 7 && killed.Load() < 3 {
						killed.Add(1)
						r.kill()
					}
				}
			})
			for n := 1; n < messages; n++ {
				before := killed.Load()
				r.say(talks, n)
				until, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
				_ = r.d.WaitFor(until, func() bool { return killed.Load() > before })
				cancel()
				if killed.Load() > before {
					r.kill() // returns when it is dead
					r.start()
				}
			}
			r.d.OnStep(nil)
			r.kill()
			r.start()
			r.all(ctx, talks, messages)
			if killed.Load() == 0 {
				t.Errorf("the step was reached %d times only: nothing was tested", count.Load())
			}
		})
	}
}

func TestWhatIsWrittenWhileDiscordForgetsTheSessionIsAnsweredOnce(t *testing.T) {
	r := newDiscordRig(t, false, "")
	talks := r.talks(5, 3)
	ctx := deadline(t)
	r.start()
	r.ready()
	r.say(talks, 0)
	r.all(ctx, talks, 1)
	r.kill()
	if err := r.d.WaitFor(ctx, func() bool { return len(r.d.Connections(nil)) == 0 }); err != nil {
		t.Fatal(err)
	}
	r.say(talks, 1)
	r.d.Advance(4 * time.Minute)
	r.start()
	r.say(talks, 2)
	r.all(ctx, talks, 3)
	// The new session may come after all answers: what was missed is looked for meanwhile.
	if err := r.d.WaitFor(ctx, func() bool { return len(r.d.Identifies(r.bot)) >= 2 }); err != nil {
		t.Fatal(err)
	}
	if n := len(r.d.Identifies(r.bot)); n != 2 {
		t.Errorf("%d sessions, want 2", n)
	}
}

func TestADraftOnDiscordGoesThoughTheProgramWasKilled(t *testing.T) {
	r := newDiscordRig(t, true, "")
	k := r.talks(1, 0)[0]
	ctx := deadline(t)
	r.start()
	r.ready()
	var drafts atomic.Int64
	r.d.OnStep(func(s bridgetest.DiscordStep) {
		if s.Name == bridgetest.SendReceived && s.Route == bridgetest.RouteCreateMessage && drafts.Add(1) == 1 {
			go r.kill() // while the draft is being posted: nobody knows its id
		}
	})
	r.d.Say(bridgetest.DiscordLine{Channel: k.at, From: k.who, Text: strings.Repeat("many words ", 20) + "the end"})
	r.await("the draft", func() bool { return drafts.Load() > 0 })
	r.kill()
	r.start()
	whole := func() bool {
		texts := r.d.Texts(k.at)
		return len(texts) == 1 && strings.Contains(texts[0], "the end")
	}
	if err := r.d.WaitFor(ctx, whole); err != nil {
		t.Fatalf("%v: %q; the log ends with\n%s", err, r.d.Texts(k.at), tail(r.logged()))
	}
	r.await("nothing to wait", r.quiet)
	if !whole() {
		t.Errorf("in the end there is %q", r.d.Texts(k.at))
	}
}

func TestCommandsOfDiscordAreAnsweredThroughTheWholeProgram(t *testing.T) {
	r := newDiscordRig(t, false, "")
	ctx := deadline(t)
	r.start()
	r.ready()
	if err := r.d.WaitFor(ctx, func() bool { return len(r.d.Commands(r.bot)) == 4 }); err != nil {
		t.Fatal(err)
	}
	anna := r.d.AddUser("Anna")
	r.d.AddMember(r.guild, anna, r.d.AddRole(r.guild, "moderators", bridgetest.PermManageMessages, false))
	for _, c := range [][2]string{{"ask", "echo me"}, {"reset", "start over"}, {"mute", "silent"}, {"unmute", "listening"}} {
		v := bridgetest.DiscordInvocation{Bot: r.bot, Channel: r.room, From: anna, Command: c[0]}
		if c[0] == "ask" {
			v.Options = map[string]any{"text": c[1]}
		}
		in, err := r.d.Invoke(v)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.d.WaitPost(ctx, func(p bridgetest.DiscordPost) bool {
			return p.Interaction == in.ID && !p.Loading && strings.Contains(p.Text, c[1])
		})
		if err != nil {
			t.Fatalf("/%s: %v; %q; the log ends with\n%s", c[0], err, r.d.Texts(r.room), tail(r.logged()))
		}
		if strings.Contains(r.logged(), in.Token) {
			t.Error("the command's token is in the log")
		}
	}
}

func TestAnIntentThatIsMissingStopsDiscordAloneAndSaysSo(t *testing.T) {
	r := newDiscordRig(t, false, "message_content = true")
	r.start()
	r.await("the reason", func() bool {
		code, body := r.get("/readyz")
		return code == 503 && strings.Contains(body, "Message Content Intent")
	})
	got := runProgram(t, r.dir, "", "check")
	lines := strings.Split(got.out, "\n")
	if got.code == 0 || !slices.ContainsFunc(lines, func(l string) bool {
		return strings.Contains(l, "✗ bridges.dc: the intent Message Content is missing")
	}) ||
		!strings.Contains(got.out, "https://discord.com/oauth2/authorize?client_id="+r.bot.ApplicationID) {
		t.Errorf("%+v", got)
	}
}
