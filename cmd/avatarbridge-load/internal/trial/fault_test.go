package trial

import (
	"slices"
	"strings"
	"testing"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/avatar"
	"avatarbridge/cmd/avatarbridge-load/internal/figure"
)

func TestAFaultLastsAMinuteUnlessItSaysOtherwise(t *testing.T) {
	if d := (&disturbance{}).size().Duration; d != time.Minute {
		t.Errorf("it lasts %v", d)
	}
	if d := (&disturbance{lasts: time.Second}).size().Duration; d != time.Second {
		t.Errorf("it lasts %v", d)
	}
}

func TestAnAvatarThatIsDownMustBeLeftAlone(t *testing.T) {
	x := &trial{who: Ours}
	var r figure.Result
	if x.leftAlone(&r, 20, 3000, time.Minute); len(r.Broken) != 0 {
		t.Errorf("broken are %q", r.Broken)
	}
	if x.leftAlone(&r, 21, 3000, time.Minute); !slices.Equal(r.Broken, []string{"an avatar that was down was called 21 times, where 20 may be"}) {
		t.Errorf("broken are %q", r.Broken)
	}
}

func TestAStampedeIsTold(t *testing.T) {
	x := &trial{who: Ours, bots: make([]seat, 1)}
	for _, c := range []struct {
		first, calls int // at once, before and after the first answer
		want         string
	}{{1, fewAtOnce, ""}, {2, 1, "2 calls tried the avatar before one was answered"}, {1, fewAtOnce + 1, "9 calls came at once"}} {
		var rush avatar.Rush
		now := time.Now()
		for range c.first {
			rush.Enter(now)
		}
		for range c.first {
			rush.Leave(now)
		}
		for range c.calls {
			rush.Enter(now)
		}
		var r figure.Result
		x.rushed(&r, &rush)
		if told := len(r.Broken) > 0; told != (c.want != "") || told && !strings.HasPrefix(r.Broken[0], c.want) {
			t.Errorf("of %d calls and then %d broken are %q", c.first, c.calls, r.Broken)
		}
	}
}
