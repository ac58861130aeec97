// Package ledger is what the simulators know of each message: when it was written, how often an avatar was asked, and how often and in
// which order replies were posted. Each message carries its place in the ledger in its text, so that the ledger sees through whatever stands
// between the simulators.
package ledger

import (
	"bytes"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A Ledger is safe for use by several goroutines.
type Ledger struct {
	start    time.Time
	chats    []chat
	written  atomic.Int64
	asked    atomic.Int64
	answered atomic.Int64 // messages with a reply
	strange  atomic.Int64 // posts that answer nothing that was written
	notices  atomic.Int64
}

type chat struct {
	mu       sync.Mutex
	messages []message
	latest   int // of the messages with a reply, the newest
	disorder int
}

type message struct {
	written, posted, spent time.Duration // since the start; how long the avatar took, all its calls together
	asked, posts           int32
	unsure, unheard        int32 // how often the program was kept from knowing that a reply was posted, or what the avatar answered
	cut                    int32 // of asked, how many the latest call of Cut has seen
}

// New makes a ledger for so many chats with at most so many messages each.
func New(chats, each int) *Ledger {
	l := &Ledger{start: time.Now(), chats: make([]chat, chats)}
	all := make([]message, chats*each)
	for i := range l.chats {
		l.chats[i].messages = all[i*each : (i+1)*each : (i+1)*each]
		l.chats[i].latest = -1
	}
	return l
}

// Chats is how many chats there are, Each how many messages each has room for.
func (l *Ledger) Chats() int { return len(l.chats) }

// Each is how many messages a chat has room for.
func (l *Ledger) Each() int { return len(l.chats[0].messages) }

// at locks the chat and returns it with a message, nil when there is none such.
func (l *Ledger) at(c, n int) (*chat, *message) {
	if c < 0 || c >= len(l.chats) || n < 0 || n >= len(l.chats[c].messages) {
		return nil, nil
	}
	x := &l.chats[c]
	x.mu.Lock()
	return x, &x.messages[n]
}

// Written notes that message n of a chat is there to be fetched. It must be called before it is.
func (l *Ledger) Written(c, n int) {
	if x, m := l.at(c, n); x != nil {
		m.written = time.Since(l.start)
		x.mu.Unlock()
		l.written.Add(1)
	}
}

// Asked notes that an avatar was asked a message, and returns how many times that makes.
func (l *Ledger) Asked(c, n int) int {
	x, m := l.at(c, n)
	if x == nil {
		l.strange.Add(1)
		return 0
	}
	defer x.mu.Unlock()
	m.asked++
	l.asked.Add(1)
	return int(m.asked)
}

// Spent notes how long the avatar thought about a message.
func (l *Ledger) Spent(c, n int, d time.Duration) {
	if x, m := l.at(c, n); x != nil {
		m.spent += d
		x.mu.Unlock()
	}
}

// Posted notes that a reply to a message was posted in the chat named in, and reports whether it is the first.
func (l *Ledger) Posted(in, c, n int) (first bool) {
	x, m := l.at(c, n)
	if x == nil {
		l.strange.Add(1)
		return false
	}
	defer x.mu.Unlock()
	if m.written == 0 || in != c {
		l.strange.Add(1)
		return false
	}
	if m.posts++; m.posts > 1 {
		return false
	}
	m.posted = time.Since(l.start)
	if n < x.latest {
		x.disorder++
	}
	x.latest = max(x.latest, n)
	l.answered.Add(1)
	return true
}

// Unsure notes that the program was kept from noting that a reply was posted: one more post of it is no fault of the program's.
func (l *Ledger) Unsure(c, n int) {
	if x, m := l.at(c, n); x != nil {
		m.unsure++
		x.mu.Unlock()
	}
}

// Unheard notes that the program was kept from hearing what the avatar answered: it may ask once more.
func (l *Ledger) Unheard(c, n int) {
	if x, m := l.at(c, n); x != nil {
		m.unheard++
		x.mu.Unlock()
	}
}

// Cut notes that the program has died: it may ask once more whatever it has asked and has no reply yet. A reply is posted only when the program has
// noted the answer that it is made of. It must be called when no question is on its way any more.
func (l *Ledger) Cut() {
	for i := range l.chats {
		x := &l.chats[i]
		x.mu.Lock()
		for j := range x.messages {
			m := &x.messages[j]
			if m.asked > m.cut && m.posts == 0 {
				m.unheard++
			}
			m.cut = m.asked
		}
		x.mu.Unlock()
	}
}

// Noticed notes a post in the program's own words.
func (l *Ledger) Noticed() { l.notices.Add(1) }

// AppendText appends the words of a message, or with letter 'r' of the reply to it.
func AppendText(b []byte, letter byte, c, n int) []byte {
	b = append(b, letter)
	b = strconv.AppendInt(b, int64(c), 10)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(n), 10)
	return append(b, ". How are you today? I have been out in the rain and it was lovely."...)
}

// Find reads which message a text is about: the first one behind marker whose words begin with letter.
func Find(text []byte, marker string, letter byte) (c, n int, ok bool) {
	_, rest, ok := bytes.Cut(text, []byte(marker))
	if !ok || len(rest) == 0 || rest[0] != letter {
		return 0, 0, false
	}
	c, rest, ok = number(rest[1:])
	if !ok {
		return 0, 0, false
	}
	n, _, ok = number(rest)
	return c, n, ok
}

// number reads digits and the dot behind them.
func number(b []byte) (n int, rest []byte, ok bool) {
	for i, d := range b {
		switch {
		case d >= '0' && d <= '9' && i < 9:
			n = n*10 + int(d-'0')
		case d == '.' && i > 0:
			return n, b[i+1:], true
		default:
			return 0, nil, false
		}
	}
	return 0, nil, false
}
