package slack

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

func (w *world) asks(ch *bridgetest.SlackChannel, name, text string) *bridgetest.SlackInvocation {
	return w.slack.Command(bridgetest.SlackCommand{App: w.app, Channel: ch, User: w.anna, Name: name, Text: text})
}

func TestACommandIsAnsweredWhereTheBotIsNoMember(t *testing.T) {
	w := newWorld(t, patient)
	b := w.bridge(nil)
	w.connected(b)
	elsewhere := w.slack.AddChannel(w.team, "elsewhere", w.anna)
	inv := w.asks(elsewhere, "/ask", "what is <@"+w.anna.ID+"> up to?")
	e := w.hears(1)[0]
	if e.Kind != bridges.Written || e.Text != "what is @Anna up to?" || !e.Addressed || e.Place != (bridges.Place{Channel: elsewhere.ID}) {
		t.Errorf("%+v", e)
	}
	if strings.Contains(e.Key, inv.TriggerID) || e.Key == "" {
		t.Errorf("the key %q holds a credential, or nothing", e.Key)
	}
	say := func(notice bool) bridges.Message {
		m := fit(bridges.Message{Text: "**up** to here", Answer: e.Answer, Notice: notice})[0]
		m.ID, m.Place = "p1", e.Place
		return m
	}
	for range 4 {
		if _, err := b.Send(w.ctx, say(false)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Send(w.ctx, say(true)); err != nil {
		t.Fatal(err)
	}
	posts := w.slack.PostsIn(elsewhere, "")
	if len(posts) != 5 || posts[0].Ephemeral != "" || posts[0].Markdown != "**up** to here" || posts[4].Ephemeral != w.anna.ID {
		t.Fatalf("%+v", posts)
	}
	m := say(false)
	_, err := b.Send(w.ctx, m)
	w.outcome(err, fault.Expired, "five times")
	m.Forms = m.Forms[1:]
	_, err = b.Send(w.ctx, m)
	w.outcome(err, fault.Dead, "/invite")
}

func TestALateAnswerIsExpiredAndGoesToTheChannel(t *testing.T) {
	w := newWorld(t, patient)
	b := w.bridge(nil)
	w.connected(b)
	w.asks(w.room, "/ask", "slowly")
	e := w.hears(1)[0]
	w.slack.Advance(31 * time.Minute)
	m := fit(bridges.Message{Text: "late", Answer: e.Answer})[0]
	m.ID, m.Place = "p1", e.Place
	_, err := b.Send(w.ctx, m)
	w.outcome(err, fault.Expired, "half an hour")
	m.Forms = m.Forms[1:]
	if id, err := b.Send(w.ctx, m); err != nil || id == "" {
		t.Errorf("%q, %v", id, err)
	}
}

func TestAnAnswerGoesNowhereElseThanToSlack(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("an answer went elsewhere") }))
	defer elsewhere.Close()
	for _, to := range []string{elsewhere.URL, "", "x", "http://slack.com/commands/1", "https://slack.com.example.org/", "https://evilslack.com/", "file:///etc/passwd",
		strings.Replace(w.slack.URL(), "://", "://user:word@", 1)} {
		m := fit(bridges.Message{Text: "x", Answer: or(to, " ")})[0]
		_, err := b.Send(w.ctx, m)
		w.outcome(err, fault.Expired, "")
	}
}

func TestHowAnAnswerEnded(t *testing.T) {
	for _, c := range []struct {
		fault bridgetest.SlackFault
		want  fault.Kind
	}{
		{bridgetest.SlackFault{Effect: bridgetest.Throttle, RetryAfter: 7}, fault.Throttled},
		{bridgetest.SlackFault{Effect: bridgetest.Cut, Accepted: true}, fault.Unclear},
		{bridgetest.SlackFault{Effect: bridgetest.HTML}, fault.Unclear},
		{bridgetest.SlackFault{Effect: bridgetest.Status, Code: 400, Body: "invalid_payload"}, fault.Rejected},
	} {
		w := newWorld(t, patient)
		b := w.bridge(nil)
		stop := w.connected(b)
		w.asks(w.room, "/ask", "x")
		e := w.hears(1)[0]
		c.fault.Method = "response_url"
		w.slack.Break(c.fault)
		m := fit(bridges.Message{Text: "message body", Answer: e.Answer})[0]
		_, err := b.Send(w.ctx, m)
		w.outcome(err, c.want, "")
		_ = stop()
		w.slack.Offline()
		_, err = b.Send(w.ctx, m)
		w.outcome(err, fault.Retry, "not sent")
	}
}

func TestCommandsHaveNamesOfTheAppsOwn(t *testing.T) {
	for _, c := range []struct{ command, text, name, args string }{
		{"/ask", "how are you?", "", "how are you?"},
		{"/ask", " reset ", "reset", ""},
		{"/ask", "Mute", "mute", ""},
		{"/ask", "reset the clock", "", "reset the clock"},
		{"/reset", "", "reset", ""},
		{"/luna-reset", "", "reset", ""},
		{"/avatar-unmute", "", "unmute", ""},
		{"/luna", "hello", "", "hello"},
		{"", "", "", ""},
	} {
		if name, args := slashCommand(c.command, c.text); name != c.name || args != c.args {
			t.Errorf("%s %s: %q %q", c.command, c.text, name, args)
		}
	}
}

func TestACommandInAChatOfTwoPeopleIsNotADirectOne(t *testing.T) {
	w := newWorld(t, patient)
	w.connected(w.bridge(nil))
	other := w.slack.AddApp(w.team, bridgetest.SlackAppOptions{Name: "Other"})
	theirs := w.slack.Direct(other, w.anna)
	w.asks(theirs, "/ask", "here")
	w.asks(w.chat, "/ask", "there")
	for _, e := range w.hears(2) {
		if want := e.Text == "there"; e.Place.Direct != want {
			t.Errorf("%q: direct is %v", e.Text, e.Place.Direct)
		}
	}
}

// changed is the address of a proxy before the simulated Slack that changes a method's answers.
func (w *world) changed(method, old, now string) string {
	w.Helper()
	to, err := url.Parse(w.slack.URL())
	if err != nil {
		w.Fatal(err)
	}
	to.Path = ""
	proxy := httputil.NewSingleHostReverseProxy(to)
	transport := &http.Transport{}
	proxy.Transport = transport
	proxy.ModifyResponse = func(r *http.Response) error {
		if !strings.HasSuffix(r.Request.URL.Path, method) {
			return nil
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		body = bytes.Replace(body, []byte(old), []byte(now), 1)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Del("Content-Length")
		return nil
	}
	srv := httptest.NewServer(proxy)
	w.Cleanup(transport.CloseIdleConnections)
	w.Cleanup(srv.Close)
	return srv.URL + "/api/"
}

func TestThoseWhoManageTheChannelMaySilenceTheAvatar(t *testing.T) {
	for name, c := range map[string]struct {
		method, old, now string
		want             bool
	}{
		"a member":                   {"none", "", "", false},
		"an administrator":           {"users.info", `"is_bot":false`, `"is_bot":false,"is_admin":true`, true},
		"an owner":                   {"users.info", `"is_bot":false`, `"is_bot":false,"is_owner":true`, true},
		"who made the channel":       {"conversations.info", `"is_channel":true`, `"is_channel":true,"creator":"ANNA"`, true},
		"not who made another one":   {"conversations.info", `"is_channel":true`, `"is_channel":true,"creator":"U123"`, false},
		"nobody when nobody can say": {"conversations.info", `"ok":true`, `"ok":false,"error":"missing_scope"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, patient)
			api := w.changed(c.method, c.old, strings.Replace(c.now, "ANNA", w.anna.ID, 1))
			w.connected(w.bridge(nil, func(cfg *Config) { cfg.APIURL = api }))
			w.asks(w.room, "/avatar-mute", "")
			w.writes(bridgetest.SlackLine{Channel: w.room, Text: w.app.User.Mention() + " /unmute"})
			for _, e := range w.hears(2) {
				if e.Kind != bridges.Command || e.From.Manages != c.want {
					t.Errorf("%s: manages is %v", e.Command, e.From.Manages)
				}
			}
		})
	}
}
