package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/bridgetest"
)

// A slackRig is the program as a child process with one bridge, to a simulated Slack.
type slackRig struct {
	*rig
	slack *bridgetest.Slack
	team  *bridgetest.SlackTeam
	app   *bridgetest.SlackApp
	room  *bridgetest.SlackChannel
	model *avatartest.OpenAI
}

// newSlackRig starts the simulators and writes the configuration. Over HTTP, Slack learns the program's address from hook.
func newSlackRig(t *testing.T, avatar string, overHTTP bool) *slackRig {
	t.Helper()
	// Sent again soon, and for as long as a test takes: Slack's own pauses are minutes.
	s, err := bridgetest.NewSlack(bridgetest.SlackOptions{
		InOrder: true, AckWithin: time.Second, Retries: slices.Repeat([]time.Duration{50 * time.Millisecond}, 2000),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	r := &slackRig{rig: &rig{t: t, dir: t.TempDir(), public: freeAddr(t), admin: freeAddr(t)}, slack: s, team: s.AddTeam("Workspace", "")}
	if r.model, err = avatartest.NewOpenAI(avatartest.OpenAIConfig{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.model.Close)
	r.app = s.AddApp(r.team, bridgetest.SlackAppOptions{})
	r.room = s.AddChannel(r.team, "room", r.app.User)
	hears := fmt.Sprintf("app_token = %q", r.app.AppToken)
	if overHTTP {
		hears = fmt.Sprintf("signing_secret = %q", r.app.SigningSecret)
	}
	writeFile(t, r.dir, "config.toml", fmt.Sprintf(`
[server]
listen = %q
admin_listen = %q
public_url = "http://%s"
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
stream = false
[avatars.model]
backend = "openai"
base_url = %q
api_key = %q
model = "sim-large"
[bridges.sl]
platform = "slack"
bot_token = %q
%s
api_url = %q
avatar = %q
rooms = "all"
`, r.public, r.admin, r.public, r.model.URL(), r.model.APIKey(), r.app.BotToken, hears, s.URL(), avatar))
	t.Cleanup(r.kill)
	return r
}

// hook tells Slack where the program hears events, once it runs.
func (r *slackRig) hook(ctx context.Context) {
	r.t.Helper()
	if err := r.slack.SetRequestURL(ctx, r.app, "http://"+r.public+"/bridges/sl/events"); err != nil {
		r.t.Fatalf("%v; log:\n%s", err, r.logged())
	}
}

// A talk is what one person writes in one place: a direct chat, or a thread that they open with a mention.
type slackTalk struct {
	who    *bridgetest.SlackUser
	at     *bridgetest.SlackChannel
	thread string
}

func (r *slackRig) talks(direct, threads int) []*slackTalk {
	var all []*slackTalk
	for i := range direct + threads {
		u := r.slack.AddUser(r.team, fmt.Sprint("Person ", i))
		at := r.room
		if i < direct {
			at = r.slack.Direct(r.app, u)
		}
		all = append(all, &slackTalk{who: u, at: at})
	}
	return all
}

func (r *slackRig) says(k *slackTalk, text string) {
	if k.at == r.room && k.thread == "" {
		text = r.app.User.Mention() + " " + text
	}
	w := r.slack.Write(bridgetest.SlackLine{Channel: k.at, From: k.who, Thread: k.thread, Text: text})
	if k.at == r.room && k.thread == "" {
		k.thread = w.TS
	}
}

// count returns how often each message was answered where it was written, and checks the order of first answers.
func (r *slackRig) count(talks []*slackTalk, messages int) (missing, doubled []string) {
	r.t.Helper()
	for i, k := range talks {
		posts := r.slack.PostsIn(k.at, k.thread)
		last := -1
		for n := range messages {
			at := -1
			for p := range posts {
				if posts[p].Deleted || !strings.Contains(posts[p].Text, text(i, n)) {
					continue
				}
				if at >= 0 {
					doubled = append(doubled, text(i, n))
				} else {
					at = p
				}
			}
			switch {
			case at < 0:
				missing = append(missing, text(i, n))
			case at < last:
				r.t.Errorf("the answer to %s came before the one to an earlier message", text(i, n))
			default:
				last = at
			}
		}
	}
	return missing, doubled
}

func TestKilledOnSlackNothingIsLostAndNothingDoubled(t *testing.T) {
	for name, overHTTP := range map[string]bool{"sockets": false, "HTTP": true} {
		t.Run(name, func(t *testing.T) {
			const messages, kills = 8, 6
			r := newSlackRig(t, "echo", overHTTP)
			ctx := deadline(t)
			r.start()
			r.ready()
			if overHTTP {
				r.hook(ctx)
			}
			talks := r.talks(12, 6)
			for n := range messages {
				for i, k := range talks {
					r.says(k, text(i, n))
				}
				if n == 0 || n > kills {
					continue
				}
				goal := r.slack.PostCount() + 1 + rand.N(len(talks))
				soon, cancel := context.WithTimeout(ctx, 5*time.Second)
				_ = r.slack.WaitFor(soon, func() bool { return r.slack.PostCount() >= goal })
				cancel()
				r.crash()
			}
			err := r.slack.WaitFor(ctx, func() bool {
				if r.slack.PostCount() < len(talks)*messages {
					return false
				}
				missing, _ := r.count(talks, messages)
				return len(missing) == 0
			})
			r.await("nothing to wait", r.quiet)
			missing, doubled := r.count(talks, messages)
			if err != nil || len(doubled) > 0 {
				t.Errorf("%v: missing %v, doubled %v; the log ends with\n%s", err, missing, doubled, tail(r.logged()))
			}
			r.noSecrets()
		})
	}
}

// noSecrets checks the log.
func (r *slackRig) noSecrets() {
	r.t.Helper()
	for _, secret := range []string{r.app.BotToken, r.app.AppToken, r.app.SigningSecret, "ticket=", "/commands/"} {
		if strings.Contains(r.logged(), secret) {
			r.t.Errorf("%q is in the log", secret)
		}
	}
}

func TestACrashOnSlackLeavesNeitherHalfADraftNorTwoAnswers(t *testing.T) {
	r := newSlackRig(t, "model", false)
	ctx := deadline(t)
	gate := make(chan struct{}, 3)
	whole := avatartest.ChatAnswer{Text: "I think that it may rain.", Pieces: []string{"I ", "think ", "that ", "it may rain."}}
	asked := make(chan struct{}, 10)
	r.model.Answer(func(avatartest.ChatRequest) avatartest.ChatAnswer {
		a := whole
		if asked <- struct{}{}; len(asked) == 1 {
			a.Gate = gate
		}
		return a
	})
	r.start()
	r.ready()
	k := r.talks(1, 0)[0]
	r.says(k, "will it rain?")
	for range 3 {
		gate <- struct{}{}
	}
	draft, err := r.slack.WaitPost(ctx, func(p bridgetest.SlackPost) bool { return strings.HasPrefix(p.Text, "I think") })
	if err != nil {
		t.Fatalf("no draft: %v; log:\n%s", err, r.logged())
	}
	if strings.Contains(draft.Text, "rain") {
		t.Fatalf("the draft is whole already: %q", draft.Text)
	}
	r.kill()
	r.start()
	var standing []string
	err = r.slack.WaitFor(ctx, func() bool {
		standing = nil
		for _, p := range r.slack.PostsIn(k.at, "") {
			if !p.Deleted {
				standing = append(standing, p.Text)
			}
		}
		return slices.Equal(standing, []string{whole.Text})
	})
	r.await("nothing to wait", r.quiet)
	if err != nil {
		t.Errorf("%v: what stands is %q; log:\n%s", err, standing, r.logged())
	}
}

func TestACommandOnSlackIsAnsweredAndACheckNamesMissingScopes(t *testing.T) {
	r := newSlackRig(t, "echo", true)
	ctx := deadline(t)
	r.start()
	r.ready()
	r.hook(ctx)
	anna := r.slack.AddUser(r.team, "Anna")
	elsewhere := r.slack.AddChannel(r.team, "elsewhere", anna)
	inv := r.slack.Command(bridgetest.SlackCommand{App: r.app, Channel: elsewhere, User: anna, Name: "/ask", Text: "where am I?"})
	p, err := r.slack.WaitPost(ctx, func(p bridgetest.SlackPost) bool { return p.Channel == elsewhere.ID })
	if err != nil || p.Via != "response_url" || !strings.Contains(p.Text, "where am I?") || p.Ephemeral != "" || inv.Outcome() != "acknowledged" {
		t.Errorf("%+v, %v, %s; log:\n%s", p, err, inv.Outcome(), r.logged())
	}
	r.slack.SetScopes(r.app, "chat:write", "users:read")
	out, err := r.command("check").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "✗ bridges.sl: the bot token lacks scopes: app_mentions:read") {
		t.Errorf("%v:\n%s", err, out)
	}
	r.noSecrets()
}

// TestFaultsOfSlackLoseAndDoubleNothing talks in many places at once while calls fail, sockets break, and the program is killed.
func TestFaultsOfSlackLoseAndDoubleNothing(t *testing.T) {
	const messages = 4
	direct, threads := 50, 25
	if os.Getenv("AVATARBRIDGE_TEST_LOAD") == "full" {
		direct, threads = 350, 150
	}
	r := newSlackRig(t, "echo", false)
	ctx := deadline(t)
	r.start()
	r.ready()
	talks := r.talks(direct, threads)
	for _, f := range []bridgetest.SlackFault{
		{Method: "chat.postMessage", Effect: bridgetest.Throttle, RetryAfter: 1, Times: 20},
		{Method: "chat.postMessage", Effect: bridgetest.Cut, Accepted: true, Times: 20},
		{Method: "chat.postMessage", Effect: bridgetest.Garbage, Accepted: true, Times: 5},
		{Method: "chat.postMessage", Effect: bridgetest.HTML, Times: 20},
		{Method: "users.info", Effect: bridgetest.Throttle, RetryAfter: 1, Times: 5},
		{Method: "users.info", Effect: bridgetest.Cut, Times: 5},
		{Method: "conversations.history", Effect: bridgetest.Throttle, RetryAfter: 1, Times: 3},
		{Method: "conversations.replies", Effect: bridgetest.HTML, Times: 3},
	} {
		r.slack.Break(f)
	}
	for n := range messages {
		for i, k := range talks {
			r.says(k, text(i, n))
		}
		switch n {
		case 1:
			if _, err := r.slack.WaitPosts(ctx, len(talks)/2); err != nil {
				t.Fatalf("%v; log:\n%s", err, r.logged())
			}
			r.crash()
		case 2:
			for _, c := range r.slack.Connections(r.app) {
				c.Cut()
			}
		}
	}
	err := r.slack.WaitFor(ctx, func() bool {
		if r.slack.PostCount() < len(talks)*messages {
			return false
		}
		missing, _ := r.count(talks, messages)
		return len(missing) == 0
	})
	r.await("nothing to wait", r.quiet)
	missing, doubled := r.count(talks, messages)
	if err != nil || len(doubled) > 0 {
		t.Errorf("%v: missing %v, doubled %v; the log ends with\n%s", err, missing, doubled, tail(r.logged()))
	}
	r.noSecrets()
}
