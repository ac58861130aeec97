package discord

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

func TestAReplyPingsNobodyButWhomItAnswers(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	bob := w.d.AddUser("Bob")
	w.d.AddMember(w.guild, bob)
	asked := w.says(w.room, w.bot.Mention()+" hello")
	hostile := "@everyone @here " + bob.Mention() + " <@&" + w.guild.ID + ">"
	m := w.text(w.room, hostile) // as no Fit would write it
	if _, err := b.Send(w.ctx, m); err != nil {
		t.Fatal(err)
	}
	m.ID, m.ReplyTo, m.Mention = "p2", asked, w.anna.ID
	if _, err := b.Send(w.ctx, m); err != nil {
		t.Fatal(err)
	}
	m.ID, m.ReplyTo = "p3", "123456789012345678" // deleted meanwhile
	if _, err := b.Send(w.ctx, m); err != nil {
		t.Fatal(err)
	}
	got := w.d.PostsIn(w.room)
	if len(got) != 3 || !got[0].Pings.None() || got[1].ReplyTo != asked || !slices.Equal(got[1].Pings.Users, []string{w.anna.ID}) ||
		got[1].Pings.Everyone || len(got[1].Pings.Roles) > 0 || got[2].ReplyTo != "" || got[0].Flags&flagNoEmbeds == 0 {
		t.Errorf("posted %+v", got)
	}
}

func TestANonceKeepsARepeatFromBeingPosted(t *testing.T) {
	for _, effect := range []bridgetest.Effect{bridgetest.Cut, bridgetest.HTML} {
		w := newWorld(t, bridgetest.DiscordOptions{})
		b := w.bridge(nil)
		m := w.text(w.dm, "message body")
		w.d.Break(bridgetest.DiscordFault{Route: bridgetest.RouteCreateMessage, Times: 1, Effect: effect, Accepted: true})
		_, err := b.Send(w.ctx, m)
		w.outcome(err, fault.Unclear, "")
		if id, err := b.Find(w.ctx, m, time.Now()); id != "" || err != nil { // nothing is asked: the nonce does it
			t.Errorf("found %q, %v", id, err)
		}
		id, err := b.Send(w.ctx, m)
		if got := w.d.PostsIn(w.dm); err != nil || len(got) != 1 || got[0].ID != id || got[0].Repeats != 1 || got[0].Nonce != m.ID {
			t.Errorf("posted %+v, %q, %v", got, id, err)
		}
	}
}

func TestAPostOlderThanItsNonceIsFoundInTheHistory(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	since := time.Now().Add(-time.Hour)
	for i := range 250 {
		w.says(w.dm, fmt.Sprint("noise ", i))
	}
	m := w.text(w.dm, "message body")
	if id, err := b.Find(w.ctx, m, since); id != "" || err != nil {
		t.Errorf("found %q, %v", id, err)
	}
	sent, err := b.Send(w.ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := b.Find(w.ctx, m, since); id != sent || err != nil {
		t.Errorf("found %q, %v, want %q", id, err, sent)
	}
	other := m
	other.ID = "p2"
	if id, err := b.Find(w.ctx, other, since); id != "" || err != nil {
		t.Errorf("another post was found: %q, %v", id, err)
	}
	w.d.Break(bridgetest.DiscordFault{Route: bridgetest.RouteGetMessages, Effect: bridgetest.Throttle, RetryAfter: 3 * time.Second})
	_, err = b.Find(w.ctx, m, since)
	w.outcome(err, fault.Throttled, "")
}

func TestAHistoryWithoutNoncesTellsByWhatWasPosted(t *testing.T) {
	mine := &user{ID: "7"}
	m := bridges.Message{ID: "p1", Forms: []bridges.Form{{Kind: formText, Text: "**a** \n"}, {Kind: formPlain, Text: "a"}}}
	for name, c := range map[string]struct {
		found message
		m     bridges.Message
		want  bool
	}{
		"its text":          {message{Author: mine, Content: "**a**"}, m, true},
		"its plain text":    {message{Author: mine, Content: "a"}, m, true},
		"another text":      {message{Author: mine, Content: "b"}, m, false},
		"somebody else's":   {message{Author: &user{ID: "8"}, Content: "a"}, m, false},
		"nobody's":          {message{Content: "a"}, m, false},
		"another nonce":     {message{Author: mine, Content: "a", Nonce: "p2"}, m, false},
		"its file":          {message{Author: mine, Attachments: []attachment{{Filename: "voice-p1.ogg"}}}, m, true},
		"another's file":    {message{Author: mine, Attachments: []attachment{{Filename: "voice-p11.ogg"}}}, m, false},
		"a draft":           {message{Author: mine, Content: "a", Flags: flagSilent}, bridges.Message{ID: "d1"}, true},
		"a reply, no draft": {message{Author: mine, Content: "a"}, bridges.Message{ID: "d1"}, false},
	} {
		if got := c.found.is(&c.m, "7"); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestHowDiscordRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		f      bridgetest.DiscordFault
		kind   fault.Kind
		scope  fault.Scope
		reason string
	}{
		"a bucket":      {bridgetest.DiscordFault{Effect: bridgetest.Throttle, RetryAfter: 2 * time.Second}, fault.Throttled, fault.Channel, ""},
		"a shared one":  {bridgetest.DiscordFault{Effect: bridgetest.Throttle, RetryAfter: 2 * time.Second, Scope: "shared"}, fault.Throttled, fault.Channel, ""},
		"everything":    {bridgetest.DiscordFault{Effect: bridgetest.Throttle, RetryAfter: 2 * time.Second, Scope: "global"}, fault.Throttled, fault.Bridge, ""},
		"the address":   {bridgetest.DiscordFault{Effect: bridgetest.HTML, Code: 429}, fault.Throttled, fault.Bridge, ""},
		"a form":        {bridgetest.DiscordFault{Effect: bridgetest.Refuse, Code: 400, Error: 50035, Body: "message body"}, fault.Rejected, 0, ""},
		"its size":      {bridgetest.DiscordFault{Effect: bridgetest.HTML, Code: 413}, fault.Rejected, 0, "larger"},
		"the bot":       {bridgetest.DiscordFault{Effect: bridgetest.Refuse, Code: 403, Error: 50013, Body: "Missing Permissions"}, fault.Dead, 0, "Send Messages"},
		"its sight":     {bridgetest.DiscordFault{Effect: bridgetest.Refuse, Code: 403, Error: 50001, Body: "Missing Access"}, fault.Dead, 0, "View Channel"},
		"the channel":   {bridgetest.DiscordFault{Effect: bridgetest.Refuse, Code: 404, Error: 10003, Body: "Unknown Channel"}, fault.Dead, 0, "deleted"},
		"somebody":      {bridgetest.DiscordFault{Effect: bridgetest.Refuse, Code: 403, Error: 99, Body: "message body"}, fault.Dead, 0, "permissions"},
		"a proxy":       {bridgetest.DiscordFault{Effect: bridgetest.HTML, Code: 407}, fault.Retry, 0, "api_url"},
		"a failing one": {bridgetest.DiscordFault{Effect: bridgetest.HTML, Code: 500}, fault.Unclear, 0, ""},
		"the token":     {bridgetest.DiscordFault{Effect: bridgetest.Refuse, Code: 401, Body: "401: Unauthorized"}, fault.Throttled, fault.Bridge, "token"},
		"a conflict":    {bridgetest.DiscordFault{Effect: bridgetest.Refuse, Code: 409, Error: 1, Body: "message body"}, fault.Retry, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, bridgetest.DiscordOptions{})
			c.f.Route = bridgetest.RouteCreateMessage
			w.d.Break(c.f)
			_, err := w.bridge(nil).Send(w.ctx, w.text(w.dm, "message body"))
			o := w.outcome(err, c.kind, c.reason)
			if o.Scope != c.scope || c.f.RetryAfter > 0 && o.After != c.f.RetryAfter {
				t.Errorf("scope %d, after %v", o.Scope, o.After)
			}
		})
	}
}

func TestAUsedUpLimitIsNotTried(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{Limits: bridgetest.RealDiscordLimits()})
	b := w.bridge(nil)
	throttled := 0
	for i := range 8 {
		m := w.text(w.room, "x")
		m.ID = fmt.Sprint("p", i)
		if _, err := b.Send(w.ctx, m); err != nil {
			o := w.outcome(err, fault.Throttled, "")
			if throttled++; o.Scope != fault.Channel || o.After <= 0 || o.After > 5*time.Second {
				t.Errorf("%+v", o)
			}
		}
	}
	if _, err := b.Send(w.ctx, w.text(w.dm, "elsewhere")); err != nil {
		t.Errorf("another channel waits: %v", err)
	}
	if n := w.d.InvalidRequests(); n != 0 || throttled != 3 {
		t.Errorf("%d refusals by Discord, %d calls were not made", n, throttled)
	}
}

func TestLimitsThatAreOverAreForgotten(t *testing.T) {
	var p pace
	now := time.Now()
	h := map[string][]string{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset-After": {"1.5"}}
	for i := range 3 * maxBuckets {
		p.note(&request{bucket: fmt.Sprint(i)}, h, now.Add(time.Duration(i)*time.Millisecond))
	}
	if len(p.empty) > maxBuckets {
		t.Errorf("%d limits are remembered", len(p.empty))
	}
	last := &request{bucket: fmt.Sprint(3*maxBuckets - 1)}
	end := now.Add(3 * maxBuckets * time.Millisecond)
	if p.ask(last, end) == nil || p.ask(last, end.Add(2*time.Second)) != nil {
		t.Error("the last limit does not hold for its time")
	}
}

func TestAGlobalLimitBindsAllThatPosts(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	w.d.Break(bridgetest.DiscordFault{Route: bridgetest.RouteTyping, Effect: bridgetest.Throttle, RetryAfter: time.Minute, Scope: "global"})
	if _, err := b.Typing(w.ctx, w.place(w.room)); err == nil {
		t.Fatal("no error")
	}
	_, err := b.Send(w.ctx, w.text(w.dm, "x"))
	if o := w.outcome(err, fault.Throttled, ""); o.Scope != fault.Bridge {
		t.Errorf("%+v", o)
	}
	if n := w.d.RequestCount(bridgetest.RouteCreateMessage); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestWhatWasPostedIsTakenBack(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	for _, c := range []*bridgetest.DiscordChannel{w.dm, w.room} {
		id, err := b.Send(w.ctx, w.text(c, "x"))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // what is gone is gone
			if err := b.Remove(w.ctx, w.place(c), id); err != nil {
				t.Error(err)
			}
		}
		if len(w.d.Texts(c)) != 0 {
			t.Error("it is still there")
		}
	}
	w.d.Offline()
	if b.Remove(w.ctx, w.place(w.dm), "123456789012345678") == nil {
		t.Error("it was taken back without Discord")
	}
}

func TestAPlaceThatIsNoneIsNotAsked(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	m := w.text(w.dm, "x")
	m.Place.Channel = "../users/@me"
	_, err := b.Send(w.ctx, m)
	w.outcome(err, fault.Dead, "none of Discord's")
	if strings.Contains(fmt.Sprint(w.d.Requests()), "users") {
		t.Error("a request was made")
	}
}

func TestAPauseThatIsNamedAsAStringIsKept(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	for body, want := range map[string]fault.Scope{`"1.5","global":false`: fault.Channel, `1.5,"global":"true"`: fault.Bridge} {
		x := &exchange{bridge: b, req: &request{name: "POST /channels/messages"}, ctx: w.ctx, status: 429, body: []byte(`{"message":"slow down","retry_after":` + body + `}`)}
		if o := w.outcome(x.outcome(nil), fault.Throttled, ""); o.After != 1500*time.Millisecond || o.Scope != want {
			t.Errorf("%s: %+v", body, o)
		}
	}
}
