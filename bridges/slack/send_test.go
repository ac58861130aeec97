package slack

import (
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

func TestAPostIsAMarkdownBlockWithTextBesideIt(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	root := w.writes(bridgetest.SlackLine{Channel: w.room, Text: "a thread"})
	m := w.message("p1", "**bold** <!channel> <@"+w.anna.ID+"> & @here [a](https://example.com)")
	m.Place = bridges.Place{Channel: w.room.ID, Thread: root}
	id, err := b.Send(w.ctx, m)
	if err != nil || id == "" {
		t.Fatalf("%q, %v", id, err)
	}
	p := w.slack.PostsIn(w.room, root)[0]
	if p.TS != id || len(p.Pings) != 0 || p.Unfurl != "false,false" || p.Broadcast || p.Via != "chat.postMessage" {
		t.Errorf("%+v", p)
	}
	if !strings.HasPrefix(p.Markdown, "**bold** ") || !strings.HasPrefix(p.Raw, "*bold* ") || !strings.Contains(p.Raw, "&amp;") {
		t.Errorf("block %q, text %q", p.Markdown, p.Raw)
	}
	if p.Metadata == nil || p.Metadata.Type != metadataType || string(p.Metadata.Payload) != `{"id":"p1"}` {
		t.Errorf("%+v", p.Metadata)
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name   string
		want   fault.Kind
		reason string
	}{
		{"not_in_channel", fault.Dead, "/invite"},
		{"channel_not_found", fault.Dead, "invite the bot"},
		{"is_archived", fault.Dead, "archived"},
		{"restricted_action_read_only_channel", fault.Dead, "administrator"},
		{"messages_tab_disabled", fault.Dead, "App Home"},
		{"account_inactive", fault.Retry, "install it again"},
		{"token_revoked", fault.Retry, "install the app again"},
		{"invalid_auth", fault.Retry, "copy it again"},
		{"msg_too_long", fault.Rejected, ""},
		{"invalid_blocks", fault.Rejected, ""},
		{"fatal_error", fault.Unclear, ""},
		{"internal_error", fault.Unclear, ""},
		{"request_timeout", fault.Retry, ""},
		{"ratelimited", fault.Throttled, ""},
		{"an error that quotes: message body", fault.Rejected, "without a name"},
		{"error_of_the_future", fault.Rejected, "error_of_the_future"},
	} {
		w := newWorld(t)
		w.slack.Break(bridgetest.SlackFault{Method: "chat.postMessage", Effect: bridgetest.Refuse, Body: c.name})
		_, err := w.bridge(nil).Send(w.ctx, w.message("p1", "message body"))
		w.outcome(err, c.want, c.reason)
	}
}

func TestAMissingScopeIsNamed(t *testing.T) {
	w := newWorld(t, scoped("users:read"))
	_, err := w.bridge(nil).Send(w.ctx, w.message("p1", "x"))
	o := w.outcome(err, fault.Dead, "chat:write")
	if !strings.Contains(o.Reason, "add chat:write") {
		t.Errorf("%q", o.Reason)
	}
}

func TestAThrottleBindsTheChannelForAsLongAsSlackSays(t *testing.T) {
	w := newWorld(t)
	w.slack.Break(bridgetest.SlackFault{Method: "chat.postMessage", Channel: w.chat.ID, Effect: bridgetest.Throttle, RetryAfter: 33})
	b := w.bridge(nil)
	_, err := b.Send(w.ctx, w.message("p1", "x"))
	if o := w.outcome(err, fault.Throttled, ""); o.Scope != fault.Channel || o.After != 33*time.Second {
		t.Errorf("%+v", o)
	}
	if n := w.slack.Calls("chat.postMessage"); n != 1 {
		t.Errorf("%d calls: only the relay repeats", n)
	}
	m := w.message("p2", "x")
	m.Place = bridges.Place{Channel: w.room.ID}
	if _, err := b.Send(w.ctx, m); err != nil {
		t.Errorf("another channel: %v", err)
	}
}

func TestOneAttemptACall(t *testing.T) {
	for _, f := range []bridgetest.SlackFault{{Effect: bridgetest.HTML}, {Effect: bridgetest.Cut}, {Effect: bridgetest.Throttle}, {Effect: bridgetest.Status, Code: 500}} {
		w := newWorld(t)
		f.Method = "chat.postMessage"
		w.slack.Break(f)
		if _, err := w.bridge(nil).Send(w.ctx, w.message("p1", "x")); err == nil {
			t.Error("a success")
		}
		if n := w.slack.Calls("chat.postMessage"); n != 1 {
			t.Errorf("%+v: %d calls", f, n)
		}
	}
}

func TestWhatIsGoneIsTakenBack(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	id, err := b.Send(w.ctx, w.message("p1", "x"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.Remove(w.ctx, w.direct(), id); err != nil {
			t.Error(err)
		}
	}
	if p := w.slack.Posts()[0]; !p.Deleted {
		t.Error("it is still there")
	}
	theirs := w.writes(bridgetest.SlackLine{Text: "not the bot's"})
	w.outcome(b.Remove(w.ctx, w.direct(), theirs), fault.Dead, "not the bot's own")
}

func TestAFormOfAnotherVersionIsRejected(t *testing.T) {
	w := newWorld(t)
	m := bridges.Message{ID: "p1", Place: w.direct(), Forms: []bridges.Form{{Kind: "hologram"}}}
	_, err := w.bridge(nil).Send(w.ctx, m)
	w.outcome(err, fault.Rejected, "hologram")
	m.Forms = nil
	_, err = w.bridge(nil).Send(w.ctx, m)
	w.outcome(err, fault.Dead, "no form")
}
