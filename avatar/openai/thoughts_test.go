package openai

import (
	"strings"
	"testing"
	"unicode/utf8"

	"avatarbridge/avatar/avatartest"
)

func TestThoughtsAreRemoved(t *testing.T) {
	for in, want := range map[string]string{
		"Hi": "Hi", "<think>\nhm\n</think>\n\nHi": "Hi", "  <think></think>Hi": "Hi", "hm\n</think>\nHi": "Hi", "<think>hm": "", "Hi\n<think>\nhm\n</think>\nAnn": "Hi\n\nAnn",
		"<thinking>a</thinking>Hi <think> there": "Hi <think> there", "The tag `<think>` opens, `</think>` closes.": "The tag `<think>` opens, `</think>` closes.",
		"<think>a</think>\n<think>b</think>\nHi": "Hi", "<think>a</think><think>b</think>Hi": "Hi", "</think>": "", "": "",
		"<thought>a</thought>Hi": "Hi", "[THINK]a[/THINK]Hi": "Hi", "hm, hm.</think>\n\nHi": "Hi", "hm.</think>  \nHi": "Hi", "hm</think>": "",
		"<think>a </thinking> b</think>Hi": "Hi", "<think>\nhm\n</think>\nHi\n</think>\nAnn": "Hi\n</think>\nAnn", "<think": "<think", "a <": "a <", "\n\n Hi \n": "Hi",
		"<thinker>": "<thinker>", "One.\n<b>Two</b>\n": "One.\n<b>Two</b>",
	} {
		if got := withoutThoughts(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		checkPieces(t, in)
	}
}

// checkPieces feeds a text in pieces of some letters, and compares with the text as a whole.
func checkPieces(t *testing.T, in string) {
	t.Helper()
	want := withoutThoughts(in)
	for size := 1; size <= 7; size += 2 {
		var s screen
		last := ""
		for rest := []rune(in); len(rest) > 0; {
			n := min(size, len(rest))
			veiled := s.veiled
			s.write(string(rest[:n]))
			rest = rest[n:]
			if now := s.visible(); veiled == s.veiled && !strings.HasPrefix(now, last) {
				t.Fatalf("%q in pieces of %d: %q after %q", in, size, now, last)
			}
			last = s.visible()
		}
		veiled := s.veiled
		if got := s.end(); got != want || veiled == s.veiled && !strings.HasPrefix(got, last) {
			t.Fatalf("%q in pieces of %d: %q after %q, want %q", in, size, got, last, want)
		}
	}
}

func FuzzThoughts(f *testing.F) {
	for _, s := range []string{"<think>\na\n</think>\nb.", "x\n</think>\ny", "a</think> \n b", "[THINK]x[/THINK] y\n<thought>", "\n <th\n</thinki"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s = strings.ToValidUTF8(s, "?"); len(withoutThoughts(s)) > len(s) || !utf8.ValidString(withoutThoughts(s)) {
			t.Errorf("%q of %q", withoutThoughts(s), s)
		}
		checkPieces(t, s)
	})
}

func TestThoughtsAreNeitherSaidNorShown(t *testing.T) {
	answer := func(a avatartest.ChatAnswer) func(avatartest.ChatRequest) avatartest.ChatAnswer {
		return func(avatartest.ChatRequest) avatartest.ChatAnswer { return a }
	}
	const hidden = "They greet me, so I greet them."
	for name, a := range map[string]avatartest.ChatAnswer{
		"in a field":         {Think: hidden, Text: "Hello you, Ann!"},
		"in the text":        {Think: hidden, Inline: true, Text: "Hello you, Ann!"},
		"split over pieces":  {Pieces: []string{" <", "thi", "nk>", hidden, "</thi", "nk", ">\n", "\nHello ", "you, ", "Ann!"}},
		"twice":              {Pieces: []string{"<think>" + hidden + "</think>\n", "Hello ", "you, ", "\n<think>", hidden, "</think>", "Ann!"}},
		"in one piece":       {Pieces: []string{"<thinking>" + hidden + "</thinking>Hello you, ", "Ann!"}},
		"never ended":        {Pieces: []string{"Hello ", "you, ", "Ann!\n", "<think>", hidden}},
		"not seen to begin ": {Pieces: []string{hidden, "\n</thi", "nk>\n\n", "Hello ", "you, ", "Ann!"}},
	} {
		for _, d := range []avatartest.Dialect{avatartest.Reference, avatartest.Ollama, avatartest.VLLM, avatartest.LlamaCpp} {
			o, b := newRig(t, avatartest.OpenAIConfig{Dialect: d, Models: []string{"sim-r1:7b"}, Answer: answer(a)}, func(c *Config) { c.Model = "sim-r1:7b" })
			var ear avatartest.Ear
			if err := b.Ask(t.Context(), turn("Hi"), &ear); err != nil || len(ear.Replies()) != 1 {
				t.Fatalf("%s, %s: %v", name, d, err)
			}
			said, drafts := ear.Replies()[0].Text, ear.Drafts()
			if strings.Join(strings.Fields(said), " ") != "Hello you, Ann!" || len(drafts) == 0 && name != "never ended" {
				t.Errorf("%s, %s: said %q after %d drafts", name, d, said, len(drafts))
			}
			for _, shown := range drafts {
				if !strings.HasPrefix(said, shown) || shown == "" {
					t.Errorf("%s, %s: showed %q of %q", name, d, shown, said)
				}
			}
			o.Close()
		}
	}
}

func TestModelWhoseThoughtsHaveNoBeginningIsShownNoMoreBeforeTheirEnd(t *testing.T) {
	_, b := newRig(t, avatartest.OpenAIConfig{Answer: pieces("Okay, they ", "greet me.\n", "</think>\n", "Hello ", "Ann!")}, nil)
	var first, second avatartest.Ear
	for _, ear := range []*avatartest.Ear{&first, &second} {
		if err := b.Ask(t.Context(), turn("Hi"), ear); err != nil || ear.Replies()[0].Text != "Hello Ann!" {
			t.Fatalf("%v, said %v", err, ear.Replies())
		}
	}
	if got := second.Drafts(); len(got) != 2 || got[0] != "Hello" || got[1] != "Hello Ann!" {
		t.Errorf("showed %q", got)
	}
}

func TestThinkersAreKnownByTheirNames(t *testing.T) {
	for name, want := range map[string]bool{
		"deepseek-r1:8b": true, "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B": true, "qwq": true, "QwQ-32B": true, "deepseek-reasoner": true, "Qwen3-4B-Thinking-2507": true,
		"llama3.2": false, "gpt-4o": false, "qwen3:8b": false, "deepseek-chat": false, "r12-think2": false, "mistral-small": false,
	} {
		if thinks(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
