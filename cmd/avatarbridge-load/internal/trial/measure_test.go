package trial

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/figure"
	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
)

// broken is what is said of four messages, of which one is lost, one doubled and one asked twice, and two are out of order.
func broken(who, kind string, m may) figure.Result {
	t := &trial{who: who, ledger: ledger.New(1, 4), bots: []seat{{nil, kind, kind}}}
	for n := range 4 {
		t.ledger.Written(0, n)
		t.ledger.Asked(0, n)
	}
	t.ledger.Asked(0, 2)
	for _, n := range []int{2, 1, 0, 0} {
		t.ledger.Posted(0, 0, n)
	}
	var r figure.Result
	t.promises(&r, m)
	return r
}

func TestBrokenPromisesAreTold(t *testing.T) {
	r := broken(Ours, Telegram, may{})
	for _, want := range []string{"1 of 4 lost", "1 of 4 doubled", "2 of 4 out of order", "1 of 4 asked twice"} {
		if !slices.ContainsFunc(r.Broken, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("%q is not told in %q", want, r.Broken)
		}
	}
	if r := broken(Ours, Telegram, may{double: 1, ask: -1, held: 1}); len(r.Broken) != 1 || !strings.Contains(r.Broken[0], "out of order") {
		t.Errorf("what may be is told as broken: %q", r.Broken)
	}
	if r := broken(Ours, Discord, may{double: 1, ask: -1, held: 1}); len(r.Broken) != 3 {
		t.Errorf("Discord may double or hold nothing: %q", r.Broken)
	}
	if r := broken(Baseline, Telegram, may{}); len(r.Broken) != 0 || len(r.Figures) != 4 {
		t.Errorf("the baseline has promised nothing: %q, %v", r.Broken, r.Figures)
	}
}

func TestOfAMixEachPlatformHasItsOwnRowsAndBounds(t *testing.T) {
	x := &trial{who: Ours, ledger: ledger.New(4, 1), bots: []seat{{nil, Telegram, Telegram}, {nil, Slack, Slack}}}
	for c := range 4 {
		x.ledger.Written(c, 0)
		x.ledger.Posted(c, c, 0)
		x.ledger.Posted(c, c, 0)
	}
	var r figure.Result
	x.promises(&r, may{double: 2})
	if len(r.Broken) != 1 || r.Broken[0] != "slack: 2 of 2 doubled, where 0 may be" {
		t.Errorf("broken are %q", r.Broken)
	}
	for _, want := range []string{"telegram: doubled", "slack: doubled", "slack: lost"} {
		if !slices.ContainsFunc(r.Figures, func(f figure.Figure) bool { return f.Name == want }) {
			t.Errorf("%q is not among %v", want, r.Figures)
		}
	}
}

func TestTwoWaysToHearOfAPlatformHaveTheirOwnRowsAndItsBounds(t *testing.T) {
	x := &trial{who: Ours, ledger: ledger.New(2, 1), bots: []seat{{nil, Telegram, Telegram}, {nil, Telegram, TelegramWebhook}}}
	for c := range 2 {
		x.ledger.Written(c, 0)
		x.ledger.Posted(c, c, 0)
		x.ledger.Posted(c, c, 0)
	}
	var r figure.Result
	x.promises(&r, may{double: 1})
	if len(r.Broken) != 0 {
		t.Errorf("broken are %q", r.Broken)
	}
	for _, want := range []string{"telegram: doubled", "telegram-webhook: doubled"} {
		if !slices.ContainsFunc(r.Figures, func(f figure.Figure) bool { return f.Name == want && f.Value == 1 }) {
			t.Errorf("%q is not among %v", want, r.Figures)
		}
	}
	b := &Bench{Bridges: []string{TelegramWebhook}}
	if !b.has(Telegram) || b.hasBridge(Telegram) || !b.hasBridge(TelegramWebhook) || b.Comparable() != "" {
		t.Error("a bridge to Telegram with a webhook is taken for another one")
	}
}

func TestSizesFallBackToThoseOfTheMode(t *testing.T) {
	got := Size{Chats: 7}.Or(Size{Chats: 100, Rate: 50})
	if got.Chats != 7 || got.Rate != 50 {
		t.Errorf("the size is %+v", got)
	}
}

func TestAResultHasTheSizesThatItsModeGoesBy(t *testing.T) {
	var r figure.Result
	b := &Bench{Size: Size{Chats: 7, Kills: 3}}
	size := b.size(&r, Size{Chats: 100, Duration: 1500 * time.Millisecond})
	if size.Chats != 7 || size.Duration != 1500*time.Millisecond || !maps.Equal(r.Sizes, map[string]float64{"chats": 7, "duration": 1.5}) {
		t.Errorf("the size is %+v, and told %v", size, r.Sizes)
	}
}

func TestMessagesOfARateFitIntoTheirChats(t *testing.T) {
	for _, chats := range []int{1, 3, 100} {
		if each := eachOf(chats, 50, 10e9); each*chats < 500 || (each-1)*chats >= 500 {
			t.Errorf("%d chats have room for %d each", chats, each)
		}
	}
}
