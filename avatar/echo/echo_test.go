package echo

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

type speaker struct {
	said []avatar.Reply
	err  error
}

func (s *speaker) Say(_ context.Context, r avatar.Reply) error {
	s.said = append(s.said, r)
	return s.err
}

func (s *speaker) Draft(string) {}

func ask(t *testing.T, cfg Config, text string) avatar.Reply {
	t.Helper()
	b, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var s speaker
	if err := b.Ask(t.Context(), avatar.Turn{ID: "1", Text: text}, &s); err != nil {
		t.Fatal(err)
	}
	if len(s.said) != 1 {
		t.Fatalf("said %d replies, want one", len(s.said))
	}
	return s.said[0]
}

func TestRepeatsWhatWasSaid(t *testing.T) {
	for _, text := range []string{"Hello there", "a **bold** @everyone", "ünïcödé 🎭", "?"} {
		if r := ask(t, Config{Speech: true}, text); !strings.Contains(r.Text, "“"+text+"”") || r.Ends || r.Key != "" {
			t.Errorf("%q: %+v", text, r.Text)
		}
	}
}

func TestRepeatsLinesAsABlock(t *testing.T) {
	if r := ask(t, Config{Speech: true}, "one\r\n\r\ntwo\nthree"); !strings.HasSuffix(r.Text, "\n\n> one\n> two\n> three") {
		t.Errorf("%q", r.Text)
	}
}

func TestSameWordsGetTheSameAnswer(t *testing.T) {
	a, b := ask(t, Config{Speech: true}, "What is an echo?"), ask(t, Config{Speech: true}, "What is an echo?")
	if d := cmp.Diff(a, b); d != "" {
		t.Error(d)
	}
	if c := ask(t, Config{Speech: true}, "What is a canyon, then?"); cmp.Equal(a.Audio.Data, c.Audio.Data) {
		t.Error("other words have the same sound")
	}
}

func TestLongTextIsCut(t *testing.T) {
	r := ask(t, Config{Speech: true}, strings.Repeat("ä", 50_000))
	if n := strings.Count(r.Text, "ä"); n != maxQuoted || !strings.HasSuffix(r.Text, "…”") {
		t.Errorf("repeated %d characters, want %d and an ellipsis", n, maxQuoted)
	}
}

func TestHasAFeelingAboutTheWords(t *testing.T) {
	for text, want := range map[string]string{
		"Hello":              "joy",
		"I am so SAD today.": "sadness",
		"I hate Mondays":     "anger",
		"a spider!":          "fear",
		"yuck":               "disgust",
		"what time is it?":   "surprise",
		"Look at that!":      "joy",
		"The table is brown": "neutral",
		"sadly, madly":       "neutral", // whole words count
	} {
		if got := ask(t, Config{Speech: true}, text).Emotion; got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestGoodbyeAloneEndsTheConversation(t *testing.T) {
	for text, want := range map[string]bool{
		"bye": true, " Goodbye! ": true, "BYE.": true,
		"bye the way": false, "I say goodbye": false, "buy": false,
	} {
		if got := ask(t, Config{Speech: true}, text).Ends; got != want {
			t.Errorf("%q: ends %v, want %v", text, got, want)
		}
	}
}

func TestSpeechOffIsSilent(t *testing.T) {
	if a := ask(t, Config{}, "Hello").Audio; a.Data != nil || a.Type != "" || a.URL != "" {
		t.Errorf("audio of %d bytes, type %q", len(a.Data), a.Type)
	}
}

func TestWhatTheSpeakerSaysIsReturned(t *testing.T) {
	b, _ := New(Config{Speech: true})
	full := errors.New("the disk is full")
	if err := b.Ask(t.Context(), avatar.Turn{Text: "Hello"}, &speaker{err: full}); !errors.Is(err, full) {
		t.Errorf("Ask returned %v", err)
	}
}

func TestStoppedBeforeItBeganSaysNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b, _ := New(Config{Speech: true})
	var s speaker
	if err := b.Ask(ctx, avatar.Turn{Text: "Hello"}, &s); !errors.Is(err, context.Canceled) || len(s.said) != 0 {
		t.Errorf("Ask returned %v and said %d replies", err, len(s.said))
	}
}

func TestVoiceIsNotEchoed(t *testing.T) {
	b, _ := New(Config{})
	var s speaker
	err := b.Ask(t.Context(), avatar.Turn{Voice: &avatar.Voice{Data: []byte("OggS"), Type: "audio/ogg"}}, &s)
	if o := fault.Of(err); o == nil || o.Kind != fault.Rejected || len(s.said) > 0 {
		t.Errorf("Ask returned %v and said %d replies", err, len(s.said))
	}
}
