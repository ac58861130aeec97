package bridgetest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// respond posts to a response URL.
func respond(t *testing.T, url, body string) (int, string) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(got)
}

func TestSlackCommandsAreNotSentAgain(t *testing.T) {
	w := newSlackWorld(t, bridgetest.SlackOptions{})
	c := w.connect()
	outside := w.s.AddChannel(w.team, "outside", w.anna)
	inv := w.s.Command(bridgetest.SlackCommand{App: w.app, Channel: outside, User: w.anna, Name: "/ask", Text: "why?"})
	e := c.read()
	if p := e.Payload; e.Type != "slash_commands" || !e.Accepts || e.Attempt != nil || p.Command != "/ask" || p.Text != "why?" || p.User != w.anna.ID ||
		p.Channel != outside.ID || p.Response != inv.ResponseURL || p.Trigger == "" {
		t.Errorf("got %+v", e)
	}
	w.s.Advance(4 * time.Second)
	w.until(func() bool { return inv.Outcome() == "operation_timeout" }, "waiting for the timeout")
	if w.s.Unacknowledged(nil) != 0 {
		t.Error("the command still waits")
	}
	second := w.s.Command(bridgetest.SlackCommand{App: w.app, Channel: outside, User: w.anna, Name: "/ask"})
	e = c.read()
	c.write(`{"envelope_id":"` + e.ID + `","payload":{"text":"Thinking","response_type":"in_channel"}}`)
	w.until(func() bool { return second.Outcome() == "acknowledged" }, "waiting for the acknowledgement")
	if p := w.last(); p.Text != "Thinking" || p.Ephemeral != "" || p.Channel != outside.ID {
		t.Errorf("the acknowledgement's payload became %+v", p)
	}
	w.s.SetScopes(w.app, "chat:write")
	if out := w.s.Command(bridgetest.SlackCommand{App: w.app, Channel: w.room, User: w.anna, Name: "/ask"}).Outcome(); out != "dispatch_unknown_error" {
		t.Errorf("without the scope the outcome is %q", out)
	}
}

func TestSlackResponseURLWorksFiveTimesInHalfAnHour(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	c := w.connect()
	inv := w.s.Command(bridgetest.SlackCommand{App: w.app, Channel: w.room, User: w.anna, Name: "/ask"})
	c.next()
	if status, body := respond(t, inv.ResponseURL, `{}`); status != 400 || body != "no_text" {
		t.Errorf("nothing to say got %d %s", status, body)
	}
	for i := range 5 {
		body := `{"text":"&lt;private&gt; <@` + w.anna.ID + `>"}`
		if i == 4 {
			body = `{"text":"public","response_type":"in_channel","blocks":[{"type":"markdown","text":"**public**"}]}`
		}
		if status, got := respond(t, inv.ResponseURL, body); status != 200 || got != "ok" {
			t.Errorf("post %d got %d %s", i+1, status, got)
		}
	}
	if w.s.HookUses(inv) != 5 {
		t.Errorf("counted %d uses", w.s.HookUses(inv))
	}
	posts := w.s.PostsIn(w.room, "")
	if len(posts) != 5 || posts[0].Text != "<private> @Anna" || posts[0].Ephemeral != w.anna.ID || posts[4].Ephemeral != "" || posts[4].Text != "**public**" {
		t.Errorf("posted %+v", posts)
	}
	if status, body := respond(t, inv.ResponseURL, `{"text":"six"}`); status != 404 || !strings.Contains(body, "used_url") {
		t.Errorf("the sixth post got %d %s", status, body)
	}
	late := w.s.Command(bridgetest.SlackCommand{App: w.app, Channel: w.room, User: w.anna, Name: "/ask"})
	c.next()
	w.s.Advance(31 * time.Minute)
	if status, body := respond(t, late.ResponseURL, `{"text":"late"}`); status != 404 || !strings.Contains(body, "expired_url") {
		t.Errorf("a late post got %d %s", status, body)
	}
	if status, _ := respond(t, late.ResponseURL+"x", `{"text":"x"}`); status != 404 {
		t.Errorf("an unknown URL got %d", status)
	}
}
