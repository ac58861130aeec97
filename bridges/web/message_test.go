package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

const asJSON = "application/json"

func TestAMessageIsAcknowledgedOnceItIsStored(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	got := anna.post("messages", `{"id":"m-1_A","text":"`+canary+`\nüber 😀","name":"Anna","locale":"de-AT"}`)
	if got.status != http.StatusAccepted {
		t.Fatalf("answered with %+v", got)
	}
	id := string(anna.id())
	events := w.rx.Stored()
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	e := events[0]
	if e.Kind != bridges.Written || e.Key != id+"/m-1_A" || e.Message != "m-1_A" || e.Text != canary+"\nüber 😀" || e.From.Name != "Anna" ||
		e.From.Locale != "de-AT" || !e.Addressed || time.Since(e.At) > time.Minute {
		t.Errorf("the event is %+v", e)
	}
}

func TestAMessageThatIsNotStoredIsNotAcknowledged(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	w.rx.FailReceive(1)
	got := anna.post("messages", `{"id":"m1","text":"`+canary+`"}`)
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" || got.words == "" {
		t.Fatalf("answered with %+v", got)
	}
	anna.says("m1", canary)
	anna.says("m1", canary) // a browser that did not hear the answer
	if keys := w.rx.Stored(); len(keys) != 2 || keys[0].Key != keys[1].Key {
		t.Errorf("stored %+v, want the same key twice", keys)
	}
}

func TestAResetIsACommand(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	if got := anna.post("reset", `{"id":"r1"}`); got.status != http.StatusAccepted {
		t.Fatalf("answered with %+v", got)
	}
	e := w.rx.Stored()[0]
	if e.Kind != bridges.Command || e.Command != "reset" || e.Key != string(anna.id())+"/r1" || !e.Place.Direct {
		t.Errorf("the event is %+v", e)
	}
}

func TestWhatIsRefusedSaysWhy(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.MaxText, c.MaxVoice = 100, 20<<10 })
	anna := w.visitor()
	long, full := strings.Repeat("😀", 51), strings.Repeat("😀", 50)
	const audio = "audio/webm; codecs=opus"
	for name, c := range map[string]struct {
		path, contentType, body string
		status                  int
		code                    string
	}{
		"no JSON":                         {"messages", "text/plain", `{"id":"a","text":"x"}`, 415, "type"},
		"a form":                          {"messages", "application/x-www-form-urlencoded", `id=a&text=x`, 415, "type"},
		"no content type":                 {"messages", "", `{"id":"a","text":"x"}`, 415, "type"},
		"broken JSON":                     {"messages", asJSON, `{"id":"a","text":"x"`, 400, "bad"},
		"two values":                      {"messages", asJSON, `{"id":"a","text":"x"}{}`, 400, "bad"},
		"an array":                        {"messages", asJSON, `[]`, 400, "bad"},
		"text that is a number":           {"messages", asJSON, `{"id":"a","text":1}`, 400, "bad"},
		"no body":                         {"messages", asJSON, ``, 400, "bad"},
		"no UTF-8":                        {"messages", asJSON, "{\"id\":\"a\",\"text\":\"x\xff\"}", 400, "bad"},
		"no id":                           {"messages", asJSON, `{"text":"x"}`, 400, "bad"},
		"an id with a slash":              {"messages", asJSON, `{"id":"a/b","text":"x"}`, 400, "bad"},
		"an id with a line break":         {"messages", asJSON, `{"id":"a\n","text":"x"}`, 400, "bad"},
		"a long id":                       {"messages", asJSON, `{"id":"` + strings.Repeat("a", 65) + `","text":"x"}`, 400, "bad"},
		"no text":                         {"messages", asJSON, `{"id":"a"}`, 400, "empty"},
		"only space":                      {"messages", asJSON, `{"id":"a","text":" \n\t\u200b"}`, 400, "empty"},
		"one character too many":          {"messages", asJSON, `{"id":"a","text":"` + long + `"}`, 413, "too_long"},
		"far too many":                    {"messages", asJSON, `{"id":"a","text":"` + strings.Repeat("x", 100_000) + `"}`, 413, "too_long"},
		"as many as may be":               {"messages", asJSON, `{"id":"a","text":"` + full + `"}`, 202, ""},
		"as many, escaped":                {"messages", asJSON, `{"id":"a","text":"` + strings.Repeat(`\ud83d\ude00`, 50) + `"}`, 202, ""},
		"more than was asked for":         {"messages", asJSON + "; charset=utf-8", `{"id":"a","text":"x","more":[1]}`, 202, ""},
		"a reset without an id":           {"reset", asJSON, `{}`, 400, "bad"},
		"a reset that is long":            {"reset", asJSON, `{"id":"a","x":"` + strings.Repeat("x", 5000) + `"}`, 400, "bad"},
		"a voice that is text":            {"voice?id=a", "text/plain", "x", 415, "type"},
		"a voice without an id":           {"voice", audio, "x", 400, "bad"},
		"a voice with a bad id":           {"voice?id=a%0Ab", audio, "x", 400, "bad"},
		"a voice that is silent":          {"voice?id=a", audio, "", 400, "empty"},
		"a voice that is too long":        {"voice?id=a", audio, strings.Repeat("x", 20<<10+1), 413, "too_large"},
		"a voice that is much too long":   {"voice?id=a", audio, strings.Repeat("x", 1<<20), 413, "too_large"},
		"a voice as long as it may be":    {"voice?id=a", audio, strings.Repeat("x", 20<<10), 202, ""},
		"a voice with a name that is odd": {"voice?id=a&name=%ff%00x", audio, "x", 202, ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(w.rx.Offered())
			got := anna.post(c.path, c.body, "Content-Type", c.contentType)
			if got.status != c.status || got.code != c.code || (c.status != 202) != (got.words != "") {
				t.Errorf("answered with %+v, want %d %s", got, c.status, c.code)
			}
			if offered := len(w.rx.Offered()) - before; (offered == 1) != (c.status == 202) {
				t.Errorf("%d events were offered", offered)
			}
		})
	}
}

func TestAnotherSiteCannotWriteInAVisitorsName(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.PublicURL = "https://chat.example.com" })
	anna := w.browser()
	anna.client.Jar = nil
	cookie := "avatarbridge-site=" + tokens.issue()
	write := func(header ...string) answered {
		return anna.post("messages", `{"id":"m1","text":"x"}`, append([]string{"Content-Type", asJSON, "Cookie", cookie}, header...)...)
	}
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example.com"},
		{"Sec-Fetch-Site", "same-site", "Origin", "https://other.example.com"},
		{"Origin", "https://evil.example.com"},
		{"Origin", "null"},
	} {
		if got := write(header...); got.status != http.StatusForbidden || got.code != "origin" {
			t.Errorf("%v: answered with %+v", header, got)
		}
	}
	if n := len(w.rx.Offered()); n != 0 {
		t.Fatalf("%d events were offered", n)
	}
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "same-origin"},
		{"Origin", w.srv.URL},
		{"Origin", "https://chat.example.com"}, // a proxy that tells us another host
		{},
	} {
		if got := write(header...); got.status != http.StatusAccepted {
			t.Errorf("%v: answered with %+v", header, got)
		}
	}
	got := read(w, anna.do(http.MethodGet, "/chat/site/events", nil, "Cookie", cookie, "Sec-Fetch-Site", "cross-site"))
	if got.status != http.StatusForbidden || got.code != "origin" {
		t.Errorf("the stream was answered with %+v", got)
	}
}

func TestNothingIsTakenBeforeRunHasOpenedAndAfterItHasEnded(t *testing.T) {
	w := stillWorld(t)
	anna := w.visitor() // the page is there at once
	closed := func(when string) {
		t.Helper()
		stream := read(w, anna.do(http.MethodGet, "/chat/site/events", nil))
		for what, got := range map[string]answered{"stream": stream, "message": anna.post("messages", `{"id":"m1","text":"x"}`)} {
			if got.status != http.StatusServiceUnavailable || got.code != "starting" || got.header.Get("Retry-After") == "" {
				t.Errorf("%s: the %s was answered with %+v", when, what, got)
			}
		}
	}
	closed("before")
	w.run()
	anna.open("/") // for a cookie
	anna.says("m1", canary)
	if err := w.stop(); err != nil {
		t.Errorf("Run returned %v", err)
	}
	closed("after")
	if resp, _ := anna.open("/chat/site"); resp.StatusCode != http.StatusOK {
		t.Errorf("after: the page is %d", resp.StatusCode)
	}
}

// stubborn is a receiver that finishes what it has begun, as the relay does.
type stubborn struct{ *bridgetest.Receiver }

func (s stubborn) Receive(_ context.Context, b bridges.Batch) error {
	return s.Receiver.Receive(context.Background(), b)
}

func TestRunWaitsForWhatIsBeingStored(t *testing.T) {
	w := stillWorld(t)
	ctx, stop := context.WithCancel(w.waiting())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- w.b.Run(ctx, stubborn{w.rx}) }()
	if err := w.rx.WaitFor(w.waiting(), func() bool { return w.b.session.Load() != nil }); err != nil {
		t.Fatal(err)
	}
	anna := w.visitor()
	release := w.rx.Hold()
	answer := make(chan answered, 1)
	go func() { answer <- anna.post("messages", `{"id":"m1","text":"x"}`) }()
	if err := w.rx.WaitFor(w.waiting(), func() bool { return len(w.rx.Offered()) == 1 }); err != nil {
		t.Fatal(err)
	}
	stop()
	select {
	case err := <-ended:
		t.Fatalf("Run has returned %v while its receiver was at work", err)
	case <-time.After(100 * time.Millisecond):
	}
	release()
	if got := <-answer; got.status != http.StatusAccepted {
		t.Errorf("answered with %+v", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run returned %v", err)
	}
}

func TestAnAccountThatCannotBeOpenedEndsRun(t *testing.T) {
	w := stillWorld(t)
	w.rx.FailOpen(bridgetest.ErrReceive)
	if err := w.b.Run(w.waiting(), w.rx); !errors.Is(err, bridgetest.ErrReceive) {
		t.Errorf("Run returned %v", err)
	}
	if got := w.rx.Accounts(); len(got) != 1 || got[0] != "web:site" {
		t.Errorf("opened %q", got)
	}
}

func TestAnAddressCanWriteSoOftenOnly(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.PerAddress = "3/m" })
	now := time.Now()
	var mu sync.Mutex
	w.b.now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	anna, ben := w.visitor(), w.visitor() // of one address
	anna.says("m1", "x")
	ben.says("m1", "x")
	anna.says("m2", "x")
	got := ben.post("messages", `{"id":"m2","text":"x"}`)
	if got.status != http.StatusTooManyRequests || got.code != "too_many" || got.header.Get("Retry-After") != "20" {
		t.Fatalf("answered with %+v", got)
	}
	mu.Lock()
	now = now.Add(20 * time.Second)
	mu.Unlock()
	ben.says("m2", "x")
}

// A body that comes a byte at a time holds a connection and a goroutine: it has so much time as a whole.
func TestABodyThatDoesNotComeIsGivenUp(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	w.b.patience = 50 * time.Millisecond
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	token := tokens.issue()
	_, _ = fmt.Fprintf(conn, "POST /chat/site/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\nCookie: avatarbridge-site=%s\r\n\r\n{", token)
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(conn); errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(answer.String(), "HTTP/1.1 503") {
		t.Errorf("answered with %q, %v", answer.String(), err)
	}
	if len(w.rx.Offered()) != 0 {
		t.Errorf("%v was offered", w.rx.Offered())
	}
	w.b.patience = patience
	anna.says("m1", "x")
}

func FuzzMessageBody(f *testing.F) {
	for _, seed := range []string{`{"id":"a","text":"x"}`, `{"id":"a","text":"\ud800","name":"\u0000","locale":"x"}`, `{"ID":"a","Text":{}}`, "[]", "\xff", `{"id":"a","text":" "}`} {
		f.Add([]byte(seed))
	}
	b, err := New(settings(func(c *Config) { c.MaxText = 100 }), &kept{}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		rx := &bridgetest.Receiver{}
		b.session.Store(&session{rx: rx, ctx: t.Context()})
		status := serve(t, b, body)
		for _, e := range rx.Stored() {
			if status != http.StatusAccepted || !clientID.MatchString(e.Message) || strings.TrimSpace(e.Text) == "" || len([]rune(e.Text)) > 100 || len(e.From.Name) > maxName {
				t.Errorf("%q was answered with %d and became %+v", body, status, e)
			}
		}
		if stored := len(rx.Stored()); (stored == 1) != (status == http.StatusAccepted) || status == http.StatusAccepted && !json.Valid(body) {
			t.Errorf("%q was answered with %d, stored %d", body, status, stored)
		}
	})
}

func TestWhatTheRelayRefusesIsToldToThePageWithATime(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	w.rx.Refuse(&bridges.TooMany{After: 1500 * time.Millisecond})
	for _, path := range []string{"messages", "reset"} {
		got := anna.post(path, `{"id":"m1","text":"x"}`)
		if got.status != http.StatusTooManyRequests || got.code != "too_many" || got.words == "" || got.header.Get("Retry-After") != "2" {
			t.Errorf("%s was answered with %+v", path, got)
		}
	}
	w.rx.Refuse(nil)
	anna.says("m1", "x")
	for _, b := range w.rx.Offered() {
		if !b.Refusable || len(b.Events) != 1 || b.Cursor != "" {
			t.Errorf("offered %+v", b)
		}
	}
}
