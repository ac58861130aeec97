package echo

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/avatar/avatartest"
)

// paced asks an echo with the pace that people see, by a clock of its own, and returns how long it took.
func paced(t *testing.T, ctx context.Context, text string) (ear *avatartest.Ear, took time.Duration, err error) {
	t.Helper()
	b, _ := New(Default())
	ear = &avatartest.Ear{}
	began := time.Now()
	err = b.Ask(ctx, avatar.Turn{ID: "1", Text: text}, ear)
	return ear, time.Since(began), err
}

func TestReplyGrowsWordByWordForAboutASecond(t *testing.T) {
	for _, text := range []string{"x", "Hello there", "Is this a text of a few more words than that?", strings.Repeat("long ", 500), "help", "one\ntwo\n\nthree"} {
		synctest.Test(t, func(t *testing.T) {
			ear, took, err := paced(t, t.Context(), text)
			if err != nil || took < 500*time.Millisecond || took > longest {
				t.Errorf("%.20q took %v: %v", text, took, err)
			}
			said, drafts := ear.Replies()[0].Text, ear.Drafts()
			if len(drafts) < 3 || len(drafts) >= maxSteps {
				t.Errorf("%.20q: %d drafts", text, len(drafts))
			}
			last := ""
			for _, d := range drafts {
				if !strings.HasPrefix(said, d) || len(d) <= len(last) || strings.TrimSpace(d) != d {
					t.Errorf("%.20q: the draft %q after %q", text, d, last)
				}
				if next := said[len(d):]; next == "" || !strings.ContainsAny(next[:1], " \n") {
					t.Errorf("%.20q: the draft %q ends inside of a word, or is the whole", text, d)
				}
				last = d
			}
		})
	}
}

func TestStoppedInTheMiddleSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(300*time.Millisecond, cancel)
		ear, took, err := paced(t, ctx, "Hello there")
		if !errors.Is(err, context.Canceled) || took != 300*time.Millisecond || ear.Tried() > 0 || len(ear.Drafts()) == 0 {
			t.Errorf("%v after %v with %d drafts, said %v", err, took, len(ear.Drafts()), ear.Replies())
		}
	})
}

func TestLittleTimeIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if ear, took, err := paced(t, ctx, "Hello there"); err != nil || took > 50*time.Millisecond || len(ear.Replies()) != 1 {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestStreamOffIsInstantAndShowsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := New(Config{Speech: true})
		var ear avatartest.Ear
		began := time.Now()
		if err := b.Ask(t.Context(), avatar.Turn{Text: "Hello there, you"}, &ear); err != nil || time.Since(began) > 0 || len(ear.Drafts()) > 0 {
			t.Errorf("%v after %v, %d drafts", err, time.Since(began), len(ear.Drafts()))
		}
	})
}

func TestTricksAreShownOnRequest(t *testing.T) {
	cfg := Config{Speech: true}
	for _, c := range []struct{ heard, has, emotion string }{
		{"help", "\n- ", "joy"}, {" Help? ", "\n- ", "joy"}, {"/help", "\n- ", "joy"}, {"What can you do?", "\n- ", "joy"},
		{"code", "```go\n", "neutral"}, {"Show me some code!", "\n```\n", "neutral"},
		{"joy", "> ♪", "joy"}, {"JOY!", "> ♪", "joy"},
		{"the joy of code", "“the joy of code”", "neutral"}, {"helpless", "“helpless”", "neutral"},
	} {
		if r := ask(t, cfg, c.heard); !strings.Contains(r.Text, c.has) || r.Emotion != c.emotion || r.Ends {
			t.Errorf("%q: %s %q", c.heard, r.Emotion, r.Text)
		}
	}
}

func TestTuneIsAPlayableWAV(t *testing.T) {
	sound := ask(t, Config{Speech: true}, "joy").Audio
	rate, samples, err := readWAV(sound.Data)
	if err != nil || sound.Type != "audio/wav" {
		t.Fatalf("%q: %v", sound.Type, err)
	}
	loudest := 0
	for _, s := range samples {
		loudest = max(loudest, int(s), -int(s))
	}
	if long := time.Duration(len(samples)) * time.Second / time.Duration(rate); long < time.Second || long > 2*time.Second || loudest < 8000 || loudest > 32000 {
		t.Errorf("%v, the loudest sample is %d", long, loudest)
	}
}

func BenchmarkAsk(b *testing.B) {
	e, _ := New(Config{})
	s := &speaker{said: make([]avatar.Reply, 0, 1)}
	b.ReportAllocs()
	for b.Loop() {
		s.said = s.said[:0]
		if err := e.Ask(b.Context(), avatar.Turn{ID: "1", Text: "Hello there, how are you today?"}, s); err != nil {
			b.Fatal(err)
		}
	}
}
