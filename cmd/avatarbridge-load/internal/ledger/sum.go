package ledger

import (
	"slices"
	"time"
)

// A Sum says what became of all messages.
type Sum struct {
	Written    int
	Answered   int
	Lost       int // written and never answered
	Doubled    int // replies beyond the first
	Disordered int // messages answered after a later one of the same chat
	AskedTwice int // calls of an avatar beyond the first about a message
	Strange    int // posts and questions that nobody wrote, and replies in the wrong chat
	Notices    int // posts in the program's own words
	// Of what came again, what the program was kept from knowing, by a kill or by an answer that never ended: no message has more of it than it
	// was kept from. Unsure is how often it was kept from knowing of a post.
	DoubledDue, AskedDue, Unsure int
	First, Last                  time.Duration
}

// Sum counts.
func (l *Ledger) Sum() Sum {
	s := l.SumOf(func(int) bool { return true })
	s.Strange, s.Notices = int(l.strange.Load()), int(l.notices.Load())
	return s
}

// SumOf counts what became of the messages of some chats. Of strange ones and of notices nobody knows whose they are.
func (l *Ledger) SumOf(chats func(chat int) bool) Sum {
	s := Sum{First: -1}
	for i := range l.chats {
		if !chats(i) {
			continue
		}
		x := &l.chats[i]
		x.mu.Lock()
		for j := range x.messages {
			s.add(&x.messages[j])
		}
		s.Disordered += x.disorder
		x.mu.Unlock()
	}
	return s
}

func (s *Sum) add(m *message) {
	if m.written == 0 {
		return
	}
	s.Written++
	if s.First < 0 || m.written < s.First {
		s.First = m.written
	}
	if m.posts == 0 {
		s.Lost++
	} else {
		s.Answered++
		s.Last = max(s.Last, m.posted)
		s.Doubled += int(m.posts) - 1
		s.DoubledDue += int(min(m.posts-1, m.unsure))
	}
	s.Unsure += int(m.unsure)
	s.AskedTwice += max(int(m.asked)-1, 0)
	s.AskedDue += int(min(max(m.asked-1, 0), m.unheard))
}

// Lost lists up to n messages without a reply, as pairs of chat and number.
func (l *Ledger) Lost(n int) [][2]int {
	var lost [][2]int
	for i := range l.chats {
		x := &l.chats[i]
		x.mu.Lock()
		for j := range x.messages {
			if m := &x.messages[j]; m.written > 0 && m.posts == 0 && len(lost) < n {
				lost = append(lost, [2]int{i, j})
			}
		}
		x.mu.Unlock()
	}
	return lost
}

// UnsureOf lists messages whose replies the program was kept from noting as posted, as pairs of chat and number.
func (l *Ledger) UnsureOf() [][2]int {
	var all [][2]int
	for i := range l.chats {
		x := &l.chats[i]
		x.mu.Lock()
		for j := range x.messages {
			if x.messages[j].unsure > 0 {
				all = append(all, [2]int{i, j})
			}
		}
		x.mu.Unlock()
	}
	return all
}

// Latencies are the times from a message's writing to its first reply, the avatar's own time taken off, sorted. Of the messages for which keep is
// false nothing is said; a nil keep is all.
func (l *Ledger) Latencies(keep func(chat, n int) bool) []time.Duration {
	var all []time.Duration
	for i := range l.chats {
		x := &l.chats[i]
		x.mu.Lock()
		for j := range x.messages {
			if m := &x.messages[j]; m.posts > 0 && (keep == nil || keep(i, j)) {
				all = append(all, m.posted-m.written-m.spent)
			}
		}
		x.mu.Unlock()
	}
	slices.Sort(all)
	return all
}

// Now is the time since the ledger was made, by which all its times go.
func (l *Ledger) Now() time.Duration { return time.Since(l.start) }

// LastReply is when the last first reply to a message came for which keep is true; 0 when there is none.
func (l *Ledger) LastReply(keep func(chat, n int) bool) time.Duration {
	var last time.Duration
	for i := range l.chats {
		x := &l.chats[i]
		x.mu.Lock()
		for j := range x.messages {
			if keep(i, j) {
				last = max(last, x.messages[j].posted)
			}
		}
		x.mu.Unlock()
	}
	return last
}

// Counts are how many messages were written, asked (repeats too) and answered so far.
func (l *Ledger) Counts() (written, asked, answered int) {
	return int(l.written.Load()), int(l.asked.Load()), int(l.answered.Load())
}
