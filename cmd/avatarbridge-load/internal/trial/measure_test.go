package trial

import (
	"slices"
	"strings"
	"testing"

	"avatarbridge/cmd/avatarbridge-load/internal/figure"
	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
)

// broken is what is said of four messages, of which one is lost, one doubled and one asked twice, and two are out of order.
func broken(who string, m may) figure.Result {
	t := &trial{who: who, ledger: ledger.New(1, 4)}
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
	r := broken(Ours, may{})
	for _, want := range []string{"1 of 4 lost", "1 of 4 doubled", "2 of 4 out of order", "1 of 4 asked twice"} {
		if !slices.ContainsFunc(r.Broken, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("%q is not told in %q", want, r.Broken)
		}
	}
	if r := broken(Ours, may{double: 1, ask: -1, held: 1}); len(r.Broken) != 1 || !strings.Contains(r.Broken[0], "out of order") {
		t.Errorf("what may be is told as broken: %q", r.Broken)
	}
	if r := broken(Baseline, may{}); len(r.Broken) != 0 || len(r.Figures) != 4 {
		t.Errorf("the baseline has promised nothing: %q, %v", r.Broken, r.Figures)
	}
}

func TestSizesFallBackToThoseOfTheMode(t *testing.T) {
	got := Size{Chats: 7}.Or(Size{Chats: 100, Rate: 50})
	if got.Chats != 7 || got.Rate != 50 {
		t.Errorf("the size is %+v", got)
	}
}

func TestMessagesOfARateFitIntoTheirChats(t *testing.T) {
	for _, chats := range []int{1, 3, 100} {
		if each := eachOf(chats, 50, 10e9); each*chats < 500 || (each-1)*chats >= 500 {
			t.Errorf("%d chats have room for %d each", chats, each)
		}
	}
}
