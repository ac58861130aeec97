package ledger

import (
	"testing"
	"time"
)

func TestWhatBecameOfMessagesIsCounted(t *testing.T) {
	l := New(3, 3)
	for n := range 3 {
		l.Written(0, n)
		l.Written(1, n)
	}
	for _, n := range []int{0, 2, 1, 1} { // 1 comes after 2, and twice
		l.Posted(0, 0, n)
	}
	l.Asked(1, 0)
	l.Asked(1, 0)
	l.Posted(1, 2, 0) // nobody wrote it
	l.Posted(1, 0, 0) // in the wrong chat
	l.Posted(9, 9, 9)
	l.Noticed()
	got := l.Sum()
	got.First, got.Last = 0, 0
	want := Sum{Written: 6, Answered: 3, Lost: 3, Doubled: 1, Disordered: 1, AskedTwice: 1, Strange: 3, Notices: 1}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if lost := l.Lost(2); len(lost) != 2 || lost[0] != [2]int{1, 0} || lost[1] != [2]int{1, 1} {
		t.Errorf("lost are %v", lost)
	}
}

func TestWhatAKillMayRepeatIsCountedForEachMessage(t *testing.T) {
	l := New(1, 4)
	for n := range 4 {
		l.Written(0, n)
		l.Asked(0, n)
	}
	l.Posted(0, 0, 0)
	l.Posted(0, 0, 1)
	l.Unsure(0, 1)
	l.Cut()                            // 2 and 3 have no reply yet
	for _, n := range []int{0, 1, 1} { // of 0 none may come again, of 1 but one
		l.Posted(0, 0, n)
	}
	for _, n := range []int{1, 2, 3, 3} { // 1 may not be asked again, 3 but once
		l.Asked(0, n)
	}
	if s := l.Sum(); s.Doubled != 3 || s.DoubledDue != 1 || s.AskedTwice != 4 || s.AskedDue != 2 || s.Unsure != 1 {
		t.Errorf("%+v", s)
	}
	l.Unheard(0, 3)
	if s := l.Sum(); s.AskedDue != 3 {
		t.Errorf("an answer that nobody heard is no reason to ask again: %+v", s)
	}
	if got := l.UnsureOf(); len(got) != 1 || got[0] != [2]int{0, 1} {
		t.Errorf("unsure of %v", got)
	}
}

func TestTheAvatarsTimeIsTakenOffLatencies(t *testing.T) {
	l := New(1, 1)
	l.Written(0, 0)
	l.Spent(0, 0, time.Hour)
	l.Posted(0, 0, 0)
	if got := l.Latencies(nil); len(got) != 1 || got[0] > -time.Hour+time.Minute {
		t.Errorf("latencies are %v", got)
	}
	if got := l.Latencies(func(chat, n int) bool { return chat != 0 }); len(got) != 0 {
		t.Errorf("latencies of chats left out are %v", got)
	}
}

func TestTheLastReplyOfSomeMessagesIsFound(t *testing.T) {
	l := New(2, 2)
	for n := range 2 {
		l.Written(0, n)
	}
	l.Posted(0, 0, 0)
	between := l.Now()
	l.Posted(0, 0, 1)
	first := l.LastReply(func(_, n int) bool { return n == 0 })
	all := l.LastReply(func(int, int) bool { return true })
	if first <= 0 || first > between || all < between || all > l.Now() || l.LastReply(func(c, _ int) bool { return c == 1 }) != 0 {
		t.Errorf("the first reply came at %v, the last at %v", first, all)
	}
}

func TestATextNamesItsMessage(t *testing.T) {
	text := AppendText([]byte("chat_id=3&text="), 'r', 123, 45)
	if c, n, ok := Find(text, "text=", 'r'); c != 123 || n != 45 || !ok {
		t.Errorf("found %d, %d, %v", c, n, ok)
	}
	for _, bad := range []string{"", "text=", "text=m1.2.", "text=r1", "text=r1.2", "text=r.2.", "text=rx.2.", "text=r12345678901.2."} {
		if c, n, ok := Find([]byte(bad), "text=", 'r'); ok {
			t.Errorf("found %d, %d in %q", c, n, bad)
		}
	}
}
