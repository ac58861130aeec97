package terminal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// relay notes what a terminal hears; onEvent is called for each event that it took.
type relay struct {
	mu      sync.Mutex
	events  []bridges.Event
	account string
	open    error
	fail    int // how many times Receive fails first
	onEvent func(bridges.Event)
}

func (r *relay) Open(_ context.Context, account string) (string, error) {
	r.account = account
	return "", r.open
}

func (r *relay) Health(error) {}

func (r *relay) Secret(context.Context) ([]byte, error) { return nil, nil }

func (r *relay) Epoch(context.Context) (string, error) { return "", nil }

func (r *relay) Feed(context.Context, bridges.Place, bridges.Person, int64, int) ([]bridges.Item, error) {
	return nil, nil
}

func (r *relay) Places(context.Context, int) ([]bridges.Place, error) { return nil, nil }

func (r *relay) Receive(_ context.Context, b bridges.Batch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail > 0 {
		r.fail--
		return errors.New("the disk is full")
	}
	r.events = append(r.events, b.Events...)
	for _, e := range b.Events {
		if r.onEvent != nil {
			r.onEvent(e)
		}
	}
	return nil
}

func (r *relay) heard() []bridges.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events
}

// output is what was printed.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// say sends what an avatar or the program says; mention is empty for the program's own words.
func say(t *testing.T, term *Terminal, m bridges.Message) {
	t.Helper()
	for _, piece := range term.Fit(m) {
		if _, err := term.Send(t.Context(), piece); err != nil {
			t.Error(err)
		}
	}
}

// run runs a terminal on this input until it is done, and returns how long that took.
func run(t *testing.T, term *Terminal, rx *relay) time.Duration {
	t.Helper()
	begun := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- term.Run(ctx, rx) }()
	<-term.Done()
	took := time.Since(begun)
	select {
	case err := <-ended:
		t.Errorf("Run ended before its context: %v", err)
	default:
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	return took
}

func TestEachLineIsAMessageInOneDirectChat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rx := &relay{}
		term := New(Config{In: strings.NewReader("hello\n\n  two words \r\n/reset\nend without a newline"), Out: io.Discard, Name: "ann"})
		run(t, term, rx)
		if rx.account != "terminal:local" {
			t.Errorf("account %q", rx.account)
		}
		var texts []string
		keys := map[string]bool{}
		for _, e := range rx.heard() {
			texts = append(texts, e.Command+e.Text)
			keys[e.Key] = true
			if !e.Place.Direct || e.Place.Channel != "terminal" || e.From.Platform != "terminal" || e.From.User != "ann" || !e.Addressed ||
				e.Message != e.Key || e.Key == "" || e.At.IsZero() {
				t.Errorf("event %+v", e)
			}
		}
		if got := strings.Join(texts, "|"); got != "hello|two words|reset|end without a newline" {
			t.Errorf("messages %q", got)
		}
		if len(keys) != 4 || rx.heard()[2].Kind != bridges.Command || rx.heard()[3].Kind != bridges.Written {
			t.Errorf("events %+v", rx.heard())
		}
	})
}

func TestTwoRunsShareNoKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := map[string]bool{}
		for range 2 {
			rx := &relay{}
			run(t, New(Config{In: strings.NewReader("a\nb\n/quit\n"), Out: io.Discard}), rx)
			for _, e := range rx.heard() {
				keys[e.Key] = true
			}
		}
		if len(keys) != 4 {
			t.Errorf("keys %v", keys)
		}
	})
}

func TestQuitLeavesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, quit := range []string{"/quit", "/exit"} {
			rx := &relay{}
			if took := run(t, New(Config{In: strings.NewReader("hi\n" + quit + "\nnot this\n"), Out: io.Discard}), rx); took > 0 {
				t.Errorf("%s took %v", quit, took)
			}
			if len(rx.heard()) != 1 {
				t.Errorf("events %+v", rx.heard())
			}
		}
	})
}

func TestTheEndOfTheInputWaitsForTheReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &output{}
		rx := &relay{}
		term := New(Config{In: strings.NewReader("one\ntwo\n"), Out: out, Avatar: "Luna"})
		rx.onEvent = func(e bridges.Event) {
			after := 20 * time.Second
			if e.Text == "two" {
				after = 100 * time.Second
			}
			time.AfterFunc(after, func() { say(t, term, bridges.Message{Text: "re: " + e.Text, Mention: "ann"}) })
		}
		if took := run(t, term, rx); took < 100*time.Second || took > 101*time.Second {
			t.Errorf("it took %v", took)
		}
		if out.String() != "Luna: re: one\nLuna: re: two\n" {
			t.Errorf("printed %q", out)
		}
	})
}

func TestTheProgramsOwnWordsBeforeAReplyAreNotTakenForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &output{}
		rx := &relay{}
		term := New(Config{In: strings.NewReader("one\n"), Out: out, Avatar: "Luna"})
		rx.onEvent = func(bridges.Event) {
			time.AfterFunc(10*time.Second, func() {
				say(t, term, bridges.Message{Text: "You are talking to an AI."})
				time.AfterFunc(2*time.Second, func() { say(t, term, bridges.Message{Text: "Hi!", Mention: "ann"}) })
			})
		}
		run(t, term, rx)
		if out.String() != "Luna: You are talking to an AI.\nLuna: Hi!\n" {
			t.Errorf("printed %q", out)
		}
	})
}

func TestAWordOfTheProgramInsteadOfAReplyEndsTheWaitSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rx := &relay{}
		term := New(Config{In: strings.NewReader("one\n"), Out: io.Discard})
		rx.onEvent = func(bridges.Event) {
			time.AfterFunc(time.Second, func() { say(t, term, bridges.Message{Text: "I can't answer just now."}) })
		}
		if took := run(t, term, rx); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAnAvatarThatThinksIsWaitedForAndASilentOneNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rx := &relay{}
		term := New(Config{In: strings.NewReader("one\n"), Out: io.Discard})
		rx.onEvent = func(bridges.Event) {
			go func() {
				for range 100 {
					lasts, err := term.Typing(t.Context(), bridges.Place{})
					if err != nil {
						t.Error(err)
					}
					time.Sleep(lasts)
				}
			}()
		}
		if took := run(t, term, rx); took < 7*time.Minute || took > 9*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

func TestALineThatCannotBeStoredIsOfferedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &output{}
		rx := &relay{fail: 2}
		run(t, New(Config{In: strings.NewReader("one\n/quit\n"), Out: out}), rx)
		if len(rx.heard()) != 1 || strings.Count(out.String(), "the disk is full") != 2 {
			t.Errorf("events %+v, printed %q", rx.heard(), out)
		}
	})
}

func TestATerminalThatCannotBeOpenedIsDone(t *testing.T) {
	term := New(Config{In: strings.NewReader("one\n"), Out: io.Discard})
	refused := errors.New("another bridge has this account")
	if err := term.Run(t.Context(), &relay{open: refused}); !errors.Is(err, refused) {
		t.Errorf("Run: %v", err)
	}
	<-term.Done()
}

func TestItStopsWhileAReaderIsBlocked(t *testing.T) {
	pipe, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	defer pipe.Close()
	piped, writer := io.Pipe()
	defer writer.Close()
	for _, in := range []io.Reader{pipe, piped} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- New(Config{In: in, Out: io.Discard}).Run(ctx, &relay{}) }()
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%T: Run does not end", in)
		}
	}
}

func TestAVeryLongLineIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rx := &relay{}
		run(t, New(Config{In: strings.NewReader(strings.Repeat("ä", maxLine) + "\nnext\n"), Out: io.Discard}), rx)
		if got := rx.heard(); len(got) != 2 || len(got[0].Text) != maxLine || got[1].Text != "next" {
			t.Errorf("%d events", len(got))
		}
	})
}

func TestTypingShowsOnATerminalOnlyAndGoesWithTheReply(t *testing.T) {
	plainOut, colorOut := &output{}, &output{}
	for out, color := range map[*output]bool{plainOut: false, colorOut: true} {
		term := New(Config{Out: out, Avatar: "Luna", Color: color})
		for range 2 {
			if lasts, err := term.Typing(t.Context(), bridges.Place{}); err != nil || lasts <= 0 {
				t.Errorf("%v, %v", lasts, err)
			}
		}
		say(t, term, bridges.Message{Text: "Hi!", Mention: "ann"})
	}
	if plainOut.String() != "Luna: Hi!\n" {
		t.Errorf("printed %q", plainOut)
	}
	want := "\r\x1b[K\x1b[2m…\x1b[0m" + "\r\x1b[K\x1b[1;36mLuna:\x1b[0m Hi!\n\x1b[2m> \x1b[0m"
	if colorOut.String() != want {
		t.Errorf("printed %q, want %q", colorOut, want)
	}
}

func TestAReplyIsReadable(t *testing.T) {
	for want, m := range map[string]bridges.Message{
		"Hi!":               {Text: "\nHi!\n\n"},
		"(joy) Hi!":         {Text: "Hi!", Emotion: "joy"},
		"(joy)":             {Emotion: "joy"},
		"Hi!\n♪ https://a/": {Text: "Hi!", Audio: &bridges.Audio{Source: "media:x", Link: "https://a/"}},
		"Hi! ":              {Text: "Hi! ", Audio: &bridges.Audio{Source: "media:S3CRET"}},
		"♪ (a sound, which a terminal does not play)": {Audio: &bridges.Audio{Source: "media:S3CRET"}},
		"Hi!\n▶ https://b/":                           {Text: "Hi!", Animation: "https://b/"},
		"- a\n\t`b`":                                  {Text: "- a\r\n\t`b`"},
	} {
		m.ReplyTo, m.Mention = "r", "p"
		got := New(Config{}).Fit(m)
		if len(got) != 1 || len(got[0].Forms) != 1 || got[0].Forms[0].Text != want || got[0].ReplyTo != "r" || got[0].Mention != "p" {
			t.Errorf("Fit(%+v) = %+v, want %q", m, got, want)
		}
	}
	if got := New(Config{}).Fit(bridges.Message{Text: "\n\x1b"}); got != nil {
		t.Errorf("a message with nothing to show: %+v", got)
	}
}

func TestAnAvatarCannotSteerTheTerminal(t *testing.T) {
	out := &output{}
	evil := "a\x1b[2Jb\x1b]52;c;aGk=\x07c\x9b31md\u009b31me\rf\x00\x08\x7fg\u202eh\xff"
	term := New(Config{Out: out, Avatar: "Lu\x1b[31mna"})
	say(t, term, bridges.Message{Text: evil, Emotion: "\x1b[1mjoy", Animation: "https://x/\x1b[0m", Audio: &bridges.Audio{Link: "https://y/\x1b[0m"}})
	// What is stored may be older than what is cleaned today.
	if _, err := term.Send(t.Context(), bridges.Message{Forms: []bridges.Form{{Text: evil}}}); err != nil {
		t.Fatal(err)
	}
	for _, r := range out.String() {
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x202e {
			t.Errorf("%U was printed in %q", r, out)
		}
	}
	if !strings.Contains(out.String(), "a[2Jb]52;c;aGk=c") {
		t.Errorf("printed %q", out)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestATerminalThatIsGoneIsDead(t *testing.T) {
	_, err := New(Config{Out: broken{}}).Send(t.Context(), bridges.Message{Forms: []bridges.Form{{Text: "Hi!"}}})
	if fault.Of(err).Kind != fault.Dead {
		t.Errorf("error %v", err)
	}
	_, err = New(Config{Out: io.Discard}).Send(t.Context(), bridges.Message{})
	if fault.Of(err).Kind != fault.Dead {
		t.Errorf("a message without a form: %v", err)
	}
}
