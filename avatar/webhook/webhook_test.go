package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avatarbridge/avatar"
	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/transport"
)

func turnOf(id string) avatar.Turn {
	return avatar.Turn{ID: id, Conversation: "c-1", UserUID: "u-1", UserName: "Ann", Locale: "en", Platform: "telegram", Bridge: "my-telegram",
		Text: "Hello <there> & “you”", Callback: "https://bot.example.com/avatars/mine/callback/token"}
}

func TestServiceIsToldTheWholeTurnAndItsSignatureFits(t *testing.T) {
	w, b := newRig(t, avatartest.WebhookConfig{}, func(c *Config) { c.BotName = "Luna" })
	if err := b.Ask(t.Context(), turnOf("t-1"), &avatartest.Ear{}); err != nil {
		t.Fatal(err)
	}
	want := []avatartest.WebhookTurn{{ID: "t-1", Turn: "t-1", Conversation: "c-1", UserUID: "u-1", UserName: "Ann", BotName: "Luna",
		Text: "Hello <there> & “you”", Platform: "telegram", Callback: "https://bot.example.com/avatars/mine/callback/token"}}
	if d := cmp.Diff(want, w.Turns()); d != "" || w.Forged() != 0 {
		t.Errorf("%d forged; %s", w.Forged(), d)
	}
}

func TestWrongSecretIsToldToTheOperator(t *testing.T) {
	_, b := newRig(t, avatartest.WebhookConfig{}, func(c *Config) { c.Secret = "whsec_" + strings.Repeat("QUJD", 8) })
	o := fault.Of(b.Ask(t.Context(), turnOf("t-1"), &avatartest.Ear{}))
	if o == nil || o.Kind != fault.Dead || !strings.Contains(o.Reason, "secret") {
		t.Errorf("%v", o)
	}
}

func TestListIsSaidInOrder(t *testing.T) {
	_, b := newRig(t, avatartest.WebhookConfig{Answer: func(avatartest.WebhookTurn) avatartest.WebhookAnswer {
		return avatartest.WebhookAnswer{Replies: []avatartest.WebhookReply{
			{Text: "one", End: true}, {Text: "two", Emotion: "joy"}, {AudioURL: "https://a.example/x.ogg", AnimationURL: "https://a.example/x.vmd"},
		}}
	}}, nil)
	var ear avatartest.Ear
	if err := b.Ask(t.Context(), turnOf("t-1"), &ear); err != nil {
		t.Fatal(err)
	}
	want := []avatar.Reply{{Text: "one"}, {Text: "two", Emotion: "joy"},
		{Audio: avatar.Audio{URL: "https://a.example/x.ogg"}, Animation: avatar.Animation{URL: "https://a.example/x.vmd"}, Ends: true}}
	if d := cmp.Diff(want, ear.Replies()); d != "" {
		t.Error(d)
	}
}

func TestRepliesThatComeLaterAreSaidOnce(t *testing.T) {
	var ear avatartest.Ear
	var b *Backend
	callbacks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.Handler(&ear).ServeHTTP(w, r) }))
	defer callbacks.Close()
	w, b := newRig(t, avatartest.WebhookConfig{Answer: func(avatartest.WebhookTurn) avatartest.WebhookAnswer {
		return avatartest.WebhookAnswer{Later: []avatartest.Callback{
			{ID: "r-1", Reply: avatartest.WebhookReply{Text: "first"}},
			{ID: "r-2", Raw: `[{"text":"second"},{"text":""},{"text":"third","end":true}]`},
		}}
	}}, nil)
	turn := turnOf("t-1")
	turn.Callback = callbacks.URL
	if err := b.Ask(t.Context(), turn, &avatartest.Ear{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := w.Await(ctx, avatartest.CallbackAnswered, 2); err != nil {
		t.Fatal(err)
	}
	want := []avatar.Reply{{Text: "first", Key: "r-1"}, {Text: "second", Key: "r-2/0"}, {Text: "third", Key: "r-2/1", Ends: true}}
	if d := cmp.Diff(want, ear.Replies()); d != "" {
		t.Error(d)
	}
	for _, p := range w.Callbacks() {
		if p.Status != http.StatusNoContent {
			t.Errorf("%s was answered %d", p.ID, p.Status)
		}
	}
}

// outcomeOf asks a service that answers in one way.
func outcomeOf(t *testing.T, status int, header map[string]string, body string) (*fault.Outcome, []avatar.Reply) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer srv.Close()
	b, err := New(Config{URL: srv.URL + "/turn?token=url-canary"}, srv.Client())
	if err != nil {
		t.Fatal(err)
	}
	var ear avatartest.Ear
	err = b.Ask(t.Context(), turnOf("t-1"), &ear)
	if err != nil && (strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "<there>")) {
		t.Errorf("the error shows too much: %v", err)
	}
	return fault.Of(err), ear.Replies()
}

func TestEachAnswerIsClassified(t *testing.T) {
	const ok = `{"text":"Hi"}`
	for _, c := range []struct {
		status int
		header map[string]string
		body   string
		want   string // kind and a word of the reason, or the number of replies
	}{
		{200, nil, ok, "1"}, {201, nil, ok, "1"}, {200, nil, " [] ", "0"}, {200, nil, `{"text":""}`, "0"}, {200, nil, `{"end":true}`, "1"},
		{204, nil, "", "0"}, {202, nil, "", "0"}, {202, nil, "Accepted", "0"},
		{200, nil, "", "retry 204"}, {200, nil, "null", "retry"}, {200, nil, "{}", "retry"}, {200, nil, "canary", "retry"}, {200, nil, `{"error":"canary"}`, "retry"},
		{200, nil, `{"text":"canary"`, "retry"}, {200, nil, "<html>canary", "retry"}, {200, nil, `{"text":["canary"]}`, "retry"},
		{200, map[string]string{"Content-Length": "100"}, ok, "retry did not answer"},
		{200, nil, `{"text":"` + strings.Repeat("x", maxBody) + `"}`, "dead 1 MiB"},
		{301, map[string]string{"Location": "/canary"}, "", "dead redirect"}, {308, map[string]string{"Location": "/canary"}, "", "dead redirect"},
		{400, nil, "canary", "dead refused"}, {413, nil, "", "dead refused"}, {422, nil, "", "dead refused"}, {418, nil, "", "dead refused"},
		{401, nil, "canary", "dead secret"}, {403, nil, "", "dead secret"}, {404, nil, "", "dead path"}, {405, nil, "", "dead POST"}, {410, nil, "", "dead gone"},
		{408, nil, "", "retry"}, {425, nil, "", "retry"}, {500, nil, "canary", "retry"}, {502, nil, "<html>", "retry"}, {503, nil, "", "retry"},
		{429, nil, "", "throttled 1s"}, {429, map[string]string{"Retry-After": "7"}, "", "throttled 7s"}, {503, map[string]string{"Retry-After": "90"}, "", "throttled 1m30s"},
		{429, map[string]string{"Retry-After": "99999999"}, "", "throttled 1h0m0s"},
		{429, map[string]string{"Retry-After": time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)}, "", "throttled 1s"},
	} {
		o, said := outcomeOf(t, c.status, c.header, c.body)
		got := fmt.Sprint(len(said))
		if o != nil {
			got = o.Kind.String() + " " + o.Reason
		}
		if o != nil && o.Kind == fault.Throttled {
			got += o.After.String()
		}
		kind, word, _ := strings.Cut(c.want, " ")
		if !strings.HasPrefix(got, kind) || !strings.Contains(got, word) || o != nil && len(said) > 0 {
			t.Errorf("%d %v %.40q: %s, want %s", c.status, c.header, c.body, got, c.want)
		}
	}
}

func TestServiceThatIsDownIsTriedAgain(t *testing.T) {
	b, err := New(Config{URL: "http://127.0.0.1:1/turn?token=canary"}, &http.Client{})
	if err != nil {
		t.Fatal(err)
	}
	err = b.Ask(t.Context(), turnOf("t-1"), &avatartest.Ear{})
	if o := fault.Of(err); o == nil || o.Kind != fault.Retry || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("%v", err)
	}
}

func TestTheAddressesPasswordGoesAlongAndIsTheTransportsOrNetHTTPs(t *testing.T) {
	type asked struct{ name, password, target string }
	got := make(chan asked, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, password, _ := r.BasicAuth()
		got <- asked{name, password, r.RequestURI}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer srv.Close()
	mine := transport.New(transport.Config{})
	defer mine.CloseIdleConnections()
	for _, client := range []*http.Client{{Transport: mine}, {}} {
		b, err := New(Config{URL: strings.Replace(srv.URL, "//", "//ann:s%40cret@", 1) + "/a%2Fb?for=me&x"}, client)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Ask(t.Context(), turnOf("t-1"), &avatartest.Ear{}); err != nil {
			t.Fatal(err)
		}
		if got, want := <-got, (asked{"ann", "s@cret", "/a%2Fb?for=me&x"}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

func TestListThatCannotBeStoredStops(t *testing.T) {
	_, b := newRig(t, avatartest.WebhookConfig{Answer: func(avatartest.WebhookTurn) avatartest.WebhookAnswer {
		return avatartest.WebhookAnswer{Replies: []avatartest.WebhookReply{{Text: "one"}, {Text: "two"}}}
	}}, nil)
	var ear avatartest.Ear
	full := errors.New("the disk is full")
	ear.Fail(full)
	if err := b.Ask(t.Context(), turnOf("t-1"), &ear); !errors.Is(err, full) || ear.Tried() != 1 {
		t.Errorf("%v after %d tries", err, ear.Tried())
	}
}
