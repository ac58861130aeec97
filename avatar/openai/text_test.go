package openai

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTextIsCutBackToItsLastSentence(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "no end": "", "One.": "One.", "One. Two": "One.", "One! Two? Thr": "One! Two?", "One... tw": "One...", "One… tw": "One…",
		"He said: “Yes.” And": "He said: “Yes.”", "**Bold.** And": "**Bold.**", "(Yes.) no": "(Yes.)", "Is 3.14 or": "", "It is 3.": "", "It is 5. And": "It is 5.",
		"Steps are these.\n\n1. Do": "Steps are these.", "1. Do it": "", "Like so:\n\nfirst": "", "A title\n\nsome te": "A title",
		"See example.org for": "", "你好。我是": "你好。", "何ですか？え": "何ですか？", "नमस्ते। मैं": "नमस्ते।", "  \n\nx": "", ". . .": ". . .", "Hi.\n": "Hi.",
	} {
		if got, ok := wholeSentences(in); got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// all reads a stream to its end: each event as its data, and errors after an "!".
func all(s string) (events []string, end error) {
	in := newEvents(bufio.NewReader(strings.NewReader(s)))
	in.left /= 16 // 4 MiB are as good, and faster
	for {
		ev, err := in.next()
		if err != nil {
			return events, err
		}
		if ev.failed != nil {
			events = append(events, "!"+string(ev.failed))
		} else {
			events = append(events, string(ev.data))
		}
	}
}

func TestEventsAreReadAsTheStandardHasThem(t *testing.T) {
	for in, want := range map[string][]string{
		"": nil, ": comment\n\n": nil, "data: a\n\n": {"a"}, "data:a\n\ndata:  b\n\n": {"a", " b"}, "data: a\ndata: b\n\n": {"a\nb"}, "data\n\n": {""},
		"event: x\nid: 1\nretry: 3\ndata: a\n\n": {"a"}, "data: a\r\n\r\ndata: b\r\rdata: c\n\n": {"a", "b", "c"}, "data: last": {"last"}, "data: last\n": {"last"},
		"error: {}\n\ndata: [DONE]\n\n": {"!{}", "[DONE]"}, "\n\n\n: x\n\ndata: a:b\n\n": {"a:b"}, "database: a\n\n": nil,
	} {
		got, err := all(in)
		if d := cmp.Diff(want, got); d != "" || !errors.Is(err, io.EOF) {
			t.Errorf("%q: %v %s", in, err, d)
		}
	}
}

func TestEventsAreBounded(t *testing.T) {
	line := "data: " + strings.Repeat("x", maxLine/2) + "\n"
	for in, want := range map[string]error{line + "\n" + line + "\n": io.EOF, line + line + line: errLine, strings.Repeat("x", maxLine+1): errLine,
		strings.Repeat(line+"\n", 2+maxBytes/16/len(line)): errStream} {
		if _, err := all(in); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v, want %v", len(in), err, want)
		}
	}
}

func FuzzStream(f *testing.F) {
	for _, s := range []string{
		"data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"Hi.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
		": ping\r\n\r\ndata: {\"error\":\"x\"}\r\n\r\n", "error: {\"code\":400}\n\n", "{\"choices\":[{\"message\":{\"content\":\"Hi\"}}]}", "<html>", "data: {\"choices\":[null]}\n\n",
		"data: {\"object\":\"error\",\"code\":429}\n\n", "data: [1]\n\ndata: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}}]}",
	} {
		f.Add(s)
	}
	cfg := Default()
	cfg.Name, cfg.BaseURL, cfg.Model = "luna", "http://127.0.0.1:1/v1", "m"
	f.Fuzz(func(t *testing.T, s string) {
		b := &Backend{cfg: cfg, log: discard, now: fixed}
		b.base, _ = base(cfg.BaseURL)
		w, stop := b.watch(t.Context())
		defer stop()
		shown := ""
		a, err := b.hear(w, strings.NewReader(s), func(text string) { shown = text })
		if err != nil {
			if len(err.Error()) > 400 {
				t.Errorf("an error of %d bytes: %.200q", len(err.Error()), err)
			}
			return
		}
		text, err := b.reply(a)
		if err == nil && a.finish == "stop" && !a.text.veiled && !strings.HasPrefix(text, shown) {
			t.Errorf("showed %q and said %q of %q", shown, text, s)
		}
		if (text == "") == (err == nil) || !a.done {
			t.Errorf("%q and %v of %q", text, err, s)
		}
	})
}
