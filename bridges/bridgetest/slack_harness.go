package bridgetest

import (
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"avatarbridge/bridges"
)

// SlackKeys are what a bridge is given to be an app: one of AppToken (Socket Mode) and SigningSecret (events over HTTP) is empty.
type SlackKeys struct {
	APIURL        string
	BotToken      string
	AppToken      string
	SigningSecret string
}

// SlackBridge makes the bridge that is tested.
type SlackBridge func(k SlackKeys, log *slog.Logger) bridges.Bridge

// SlackHarness is the Harness for a bridge that hears Slack over Socket Mode. The app hears messages, of which it finds out itself whether
// they mention it.
func SlackHarness(bridge SlackBridge) Harness {
	return Harness{Start: func(t *testing.T) Platform { return startSlack(t, bridge, "app_mention") }}
}

// SlackEventsHarness is the Harness for a bridge that hears Slack over HTTP and implements bridges.Webhook. Of channels the app hears
// app_mention alone.
func SlackEventsHarness(bridge SlackBridge) Harness {
	return Harness{Pushed: true, Start: func(t *testing.T) Platform {
		p := startSlack(t, bridge, "message.channels")
		p.keys.AppToken, p.keys.SigningSecret = "", p.app.SigningSecret
		url := p.serve(p.slack.Close)
		p.New(slog.New(slog.NewTextHandler(io.Discard, nil))) // answers the challenge
		if err := p.slack.SetRequestURL(t.Context(), p.app, url); err != nil {
			t.Fatal(err)
		}
		return p
	}}
}

// startSlack starts a platform whose app does not hear the event unheard: the other one tells of the same messages, so that each is one
// delivery.
func startSlack(t *testing.T, bridge SlackBridge, unheard string) *slackPlatform {
	t.Helper()
	// Sent again soon, and for as long as a test takes: Slack's own pauses are minutes.
	retries := slices.Repeat([]time.Duration{20 * time.Millisecond}, 5000)
	s, err := NewSlack(SlackOptions{InOrder: true, OneByOne: true, AckWithin: time.Second, Retries: retries})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	team := s.AddTeam("Workspace", "")
	events := slices.DeleteFunc(AllSlackEvents(), func(e string) bool { return e == unheard })
	p := &slackPlatform{base: base{t: t, sim: s}, slack: s, make: bridge, team: team, person: s.AddUser(team, "Anna"),
		app: s.AddApp(team, SlackAppOptions{Events: slices.DeleteFunc(events, func(e string) bool { return e == "assistant_thread_started" })})}
	p.keys = SlackKeys{APIURL: s.URL(), BotToken: p.app.BotToken, AppToken: p.app.AppToken}
	p.direct, p.directThread = s.OpenAssistant(p.app, p.person, nil)
	p.room = s.AddChannel(team, "room", p.person)
	p.roomThread = s.Write(SlackLine{Channel: p.room, From: p.person, Text: "a thread"}).TS // before the bot is there, which so hears nothing
	s.Join(p.room, p.app.User, nil)
	return p
}

// slackPlatform drives a Slack for Run. The direct chat is an assistant thread, the room a thread in a channel.
type slackPlatform struct {
	base
	slack  *Slack
	make   SlackBridge
	keys   SlackKeys
	team   *SlackTeam
	app    *SlackApp
	person *SlackUser

	direct, room             *SlackChannel
	directThread, roomThread string
}

var _ Platform = (*slackPlatform)(nil)

// Account implements Platform.
func (p *slackPlatform) Account() string { return "slack:" + p.team.ID + ":" + p.app.User.ID }

// New implements Platform.
func (p *slackPlatform) New(log *slog.Logger) bridges.Bridge {
	return p.made(p.make(p.keys, log))
}

// NewRefused implements Platform.
func (p *slackPlatform) NewRefused(log *slog.Logger) bridges.Bridge {
	p.slack.RefuseToken(p.app, "invalid_auth")
	return p.New(log)
}

// Secrets implements Platform.
func (p *slackPlatform) Secrets() []string {
	return []string{p.app.BotToken, p.app.AppToken, p.app.SigningSecret}
}

func (p *slackPlatform) at(w Where) (*SlackChannel, string) {
	if w == Direct {
		return p.direct, p.directThread
	}
	return p.room, p.roomThread
}

// Place implements Platform.
func (p *slackPlatform) Place(w Where) bridges.Place {
	c, thread := p.at(w)
	return bridges.Place{Channel: c.ID, Thread: thread, Direct: w == Direct}
}

// Write implements Platform: in the room the text begins with a mention, which is not part of the event's text.
func (p *slackPlatform) Write(w Where, text string) {
	c, thread := p.at(w)
	if w == Room {
		text = p.app.User.Mention() + " " + text
	}
	p.slack.Write(SlackLine{Channel: c, Thread: thread, From: p.person, Text: text})
}

// WriteBot implements Platform.
func (p *slackPlatform) WriteBot(text string) {
	p.slack.Write(SlackLine{Channel: p.room, Thread: p.roomThread, From: p.slack.AddBot(p.team, "Other"), Text: p.app.User.Mention() + " " + text})
}

// WriteBad implements Platform.
func (p *slackPlatform) WriteBad() {
	for _, inner := range []string{
		`null`, `[]`, `"a text instead of an object"`, `{}`, `{"type":7}`, `{"type":"event_of_the_future","a":[1,{"b":null}]}`,
		`{"type":"message"}`, `{"type":"message","channel":"C1","ts":"now","user":"U1","text":"x"}`,
		`{"type":"message","channel":["C1"],"ts":"1.1"}`, `{"type":"message","channel":"C1","ts":"1600000000.000001","text":"from nobody"}`,
		`{"type":"message","subtype":"message_changed","channel":"C1","ts":"1600000000.000001"}`,
		`{"type":"message","subtype":"message_changed","channel":"C1","ts":"1600000000.000001","message":{"ts":true}}`,
		`{"type":"message","subtype":"message_deleted","channel":"C1","ts":"1600000000.000001"}`,
		`{"type":"app_mention","channel":"C1","ts":"1600000000.000001","user":"` + p.person.ID + `","text":"<@","files":[{"id":7}]}`,
		`{"type":"assistant_thread_started","assistant_thread":{}}`,
	} {
		p.slack.SendEvent(p.app, inner)
	}
	for _, payload := range []string{`null`, `{}`, `"text"`, `{"channel_id":7}`} {
		p.slack.SendEnvelope(p.app, "slash_commands", payload)
		p.slack.SendEnvelope(p.app, "kind_of_the_future", payload)
	}
}

// Unacknowledged implements Platform.
func (p *slackPlatform) Unacknowledged() int { return p.slack.Unacknowledged(p.app) }

// Posted implements Platform.
func (p *slackPlatform) Posted(w Where) []string {
	var list []string
	c, thread := p.at(w)
	for _, post := range p.slack.PostsIn(c, thread) {
		list = append(list, post.Text)
	}
	return list
}

// Trouble implements Platform.
func (p *slackPlatform) Trouble(k Trouble) {
	f := SlackFault{Method: "chat.postMessage"}
	f.Effect, f.Accepted = k.effect()
	switch k {
	case Throttling:
		f.RetryAfter = ThrottleSeconds
	case FormRefused:
		f.Times, f.Body = 1, "invalid_blocks"
	case Blocked:
		p.slack.Restrict(p.direct, true)
		return
	}
	p.slack.Break(f)
}

// Calm implements Platform.
func (p *slackPlatform) Calm() {
	p.slack.ClearFaults()
	p.slack.Restrict(p.direct, false)
}
