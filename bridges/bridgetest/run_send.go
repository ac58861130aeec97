package bridgetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// hostileTexts are texts as avatars may write them; every one must be accepted by the platform in every form of every piece.
func hostileTexts() map[string]string {
	paragraph := "The quick brown fox jumps over the lazy dog. Franz jagt im Taxi quer durch Bayern! Жил-был пёс? 😀 "
	return map[string]string{
		"a word":                "hello",
		"100,000 characters":    strings.Repeat(paragraph+"\n\n", 100_000/len(paragraph)),
		"one endless word":      strings.Repeat("x", 12_345),
		"surrogates only":       strings.Repeat("😀", 5_000),
		"joined emoji":          strings.Repeat("👩‍👩‍👧‍👦", 1_500),
		"mark-up":               "# Title\n**bold** _it_ ~~gone~~ `code` [link](https://example.com/?a=1&b=<2>) ||spoiler||\n> quote\n1. a\n   - b\n| a | b |\n|---|---|\n| 1 | 2 |",
		"endless code":          "```go\n" + strings.Repeat("func f() { if a < b && c > d { return \"<b>\" } }\n", 400) + "```\nafter",
		"unclosed everything":   "**bold _it `code ```fence [link](http://x ![](\n<b><i></b> &amp; &lt &#0; &#xD83D; </",
		"HTML":                  "<script>alert(1)</script><b>x</i><a href='javascript:x'>y</a> & <!-- -->",
		"escapes":               strings.Repeat(`\*_[]()~>#+-=|{}.!<&"'`+"\n", 300),
		"long links":            strings.Repeat("[a](https://example.com/"+strings.Repeat("p", 900)+") ", 12),
		"control characters":    "a\x00b\x07c\u202ed\u200be\r\nf\ufefft\u2028u",
		"invalid UTF-8":         "a\xff\xfeb\xc3(c\xed\xa0\x80d",
		"nested":                strings.Repeat("> ", 200) + strings.Repeat("*", 300) + "x" + strings.Repeat("*", 300),
		"nothing but new lines": "\n\n\n",
		"mentions":              "@everyone @here <@123> <!channel> @luna_bot /start tg://user?id=1",
	}
}

func fitsLimits(tr *trial) {
	b := tr.New(tr.log)
	for name, text := range hostileTexts() {
		for i, piece := range b.Fit(bridges.Message{Text: text}) {
			if len(piece.Forms) == 0 {
				tr.Errorf("%s: piece %d has no form", name, i)
			}
			for _, form := range piece.Forms {
				if form.Audio == nil && strings.TrimSpace(form.Text) == "" {
					tr.Errorf("%s: form %s of piece %d is empty", name, form.Kind, i)
				}
				if _, err := tr.send(b, Direct, bridges.Message{Forms: []bridges.Form{form}}); err != nil {
					tr.Errorf("%s: form %s of piece %d is not accepted: %v", name, form.Kind, i, err)
				}
			}
		}
	}
}

func fitLosesNothing(tr *trial) {
	b := tr.New(tr.log)
	for _, name := range []string{"a word", "100,000 characters", "one endless word", "surrogates only", "joined emoji"} {
		text := hostileTexts()[name]
		pieces := b.Fit(bridges.Message{Text: text})
		for form := range forms(pieces) {
			before := len(tr.Posted(Direct))
			for _, piece := range pieces {
				form := min(form, len(piece.Forms)-1)
				_, err := tr.send(b, Direct, bridges.Message{Forms: piece.Forms[form:]})
				tr.must(err, name)
			}
			if got := strings.Join(tr.Posted(Direct)[before:], ""); bare(got) != bare(text) {
				tr.Errorf("%s, form %d: posted %d characters, want %d, the first difference is at %d", name, form, len(bare(got)), len(bare(text)),
					difference(bare(got), bare(text)))
			}
		}
	}
}

// forms is the largest number of forms of a piece.
func forms(pieces []bridges.Message) int {
	n := 0
	for _, p := range pieces {
		n = max(n, len(p.Forms))
	}
	return n
}

// bare leaves out space, which a platform may cut off where a text is split.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

func difference(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func fitsNothing(tr *trial) {
	b := tr.New(tr.log)
	if got := b.Fit(bridges.Message{}); got != nil {
		tr.Errorf("an empty message became %d pieces", len(got))
	}
	if got := b.Fit(bridges.Message{Text: " \n\t "}); got != nil {
		tr.Errorf("a message of spaces became %d pieces", len(got))
	}
}

// send makes one call and checks that its error is an outcome.
func (tr *trial) send(b bridges.Bridge, w Where, m bridges.Message) (string, error) {
	m.ID, m.Place = "post"+randomText(16), tr.Place(w)
	id, err := b.Send(tr.ctx, m)
	return id, tr.noted(err)
}

// marked is a message that has mark-up, so that a platform with mark-up gives it more than one form.
func (tr *trial) marked(b bridges.Bridge) bridges.Message {
	tr.Helper()
	pieces := b.Fit(bridges.Message{Text: "**bold** and `code` " + canary})
	if len(pieces) != 1 {
		tr.Fatalf("a short text became %d pieces", len(pieces))
	}
	return pieces[0]
}

func sendsToPlace(tr *trial) {
	b := tr.New(tr.log)
	for _, w := range []Where{Direct, Room} {
		id, err := tr.send(b, w, tr.marked(b))
		if err != nil || id == "" {
			tr.Errorf("Send returned %q, %v", id, err)
		}
		if n := len(tr.Posted(w)); n != 1 {
			tr.Errorf("%d messages were posted at place %d, want 1", n, w)
		}
	}
}

func sendsConcurrently(tr *trial) {
	b := tr.New(tr.log)
	r := tr.run(b, &Receiver{})
	var wait sync.WaitGroup
	var want []string
	for i := range 30 {
		text := fmt.Sprintf("%s %d", canary, i)
		want = append(want, text)
		wait.Go(func() {
			for _, m := range b.Fit(bridges.Message{Text: text}) {
				if _, err := tr.send(b, Direct, m); err != nil {
					tr.Errorf("Send: %v", err)
				}
			}
		})
	}
	wait.Wait()
	r.ended()
	got := tr.Posted(Direct)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		tr.Errorf("posted %q, want %q", got, want)
	}
}

func classifies(tr *trial) {
	for _, c := range []struct {
		name    string
		trouble Trouble
		want    []fault.Kind // nil: success
		posted  int
	}{
		{"throttling", Throttling, []fault.Kind{fault.Throttled}, 0},
		{"a lost answer", LostAnswer, []fault.Kind{fault.Unclear}, 1},
		{"a lost request", LostRequest, []fault.Kind{fault.Unclear}, 0},
		{"a silent server", SilentServer, []fault.Kind{fault.Unclear}, 0},
		{"garbage as success", GarbageAnswer, nil, 1},
		{"half an answer", HalfAnswer, nil, 1},
		{"a failing server", FailingServer, []fault.Kind{fault.Retry, fault.Unclear}, 0},
		{"a block", Blocked, []fault.Kind{fault.Dead}, 0},
	} {
		b := tr.New(tr.log)
		m := tr.marked(b)
		before := len(tr.Posted(Direct))
		tr.Trouble(c.trouble)
		ctx, cancel := context.WithTimeout(tr.ctx, time.Second)
		m.ID, m.Place = "post"+randomText(16), tr.Place(Direct)
		_, err := b.Send(ctx, m)
		cancel()
		tr.Calm()
		outcome(tr, c.name, c.want, tr.noted(err))
		if n := len(tr.Posted(Direct)) - before; n != c.posted {
			tr.Errorf("%s: %d messages were posted, want %d", c.name, n, c.posted)
		}
	}
}

// outcome checks how a call ended.
func outcome(tr *trial, name string, want []fault.Kind, err error) {
	tr.Helper()
	o := fault.Of(err)
	switch {
	case o == nil || want == nil:
		if o != nil || want != nil {
			tr.Errorf("%s: got %v, want %v", name, err, want)
		}
	case !slices.Contains(want, o.Kind):
		tr.Errorf("%s: got %v (%v), want %v", name, o.Kind, err, want)
	case o.Kind == fault.Dead && o.Reason == "":
		tr.Errorf("%s: an operator is not told what to do: %v", name, err)
	case o.Kind == fault.Throttled && (o.After < ThrottleSeconds*time.Second || o.After > 2*ThrottleSeconds*time.Second):
		tr.Errorf("%s: the pause is %v, want %d s", name, o.After, ThrottleSeconds)
	}
}

func fallsBack(tr *trial) {
	b := tr.New(tr.log)
	m := tr.marked(b)
	if len(m.Forms) < 2 {
		tr.Fatalf("a message with mark-up has %d form, so that nothing is left when the platform refuses it", len(m.Forms))
	}
	tr.Trouble(FormRefused)
	defer tr.Calm()
	refused := 0
	for len(m.Forms) > 0 {
		_, err := tr.send(b, Direct, m)
		if err == nil {
			break
		}
		outcome(tr, "a refused form", []fault.Kind{fault.Rejected}, err)
		m.Forms = m.Forms[1:]
		refused++
	}
	if refused == 0 || len(m.Forms) == 0 || len(tr.Posted(Direct)) != 1 {
		tr.Errorf("%d forms were refused, %d are left, %d messages posted", refused, len(m.Forms), len(tr.Posted(Direct)))
	}
}

func classifiesOffline(tr *trial) {
	b := tr.New(tr.log)
	m := tr.marked(b)
	tr.Offline()
	_, err := tr.send(b, Direct, m)
	outcome(tr, "a refused connection", []fault.Kind{fault.Retry}, err)
	tr.Online()
	if _, err := tr.send(b, Direct, m); err != nil {
		tr.Errorf("after the platform came back: %v", err)
	}
}

func types(tr *trial) {
	b, ok := tr.New(tr.log).(bridges.Typer)
	if !ok {
		return // an optional ability
	}
	for _, w := range []Where{Direct, Room} {
		lasts, err := b.Typing(tr.ctx, tr.Place(w))
		if tr.noted(err) != nil || lasts <= 0 {
			tr.Errorf("Typing returned %v, %v", lasts, err)
		}
	}
	tr.Offline()
	if _, err := b.Typing(tr.ctx, tr.Place(Direct)); tr.noted(err) == nil {
		tr.Error("Typing succeeded without a platform")
	}
}
