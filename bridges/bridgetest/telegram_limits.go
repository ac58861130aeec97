package bridgetest

import (
	"math"
	"sync"
	"time"
)

// Limit is a rate: Burst messages at once, then one every Every. The zero value is no limit.
type Limit struct {
	Burst int
	Every time.Duration
}

// TelegramLimits are the rates over which sending fails with 429.
type TelegramLimits struct {
	Chat   Limit // each chat
	Group  Limit // each group and supergroup besides
	Global Limit // all chats together
}

// RealLimits are what Telegram's FAQ names: about one a second in a chat (short bursts pass), 20 a minute in a group, 30 a second in all.
func RealLimits() TelegramLimits {
	return TelegramLimits{
		Chat:   Limit{Burst: 3, Every: time.Second},
		Group:  Limit{Burst: 20, Every: 3 * time.Second},
		Global: Limit{Burst: 30, Every: time.Second / 30},
	}
}

// limiter counts with the generic cell rate algorithm: a time for each chat and nothing to clean.
type limiter struct {
	mu     sync.Mutex
	limits TelegramLimits
	chats  map[int64]time.Time // when the next message would be due at the steady rate
	groups map[int64]time.Time
	global time.Time
}

func newLimiter(l TelegramLimits) *limiter {
	return &limiter{limits: l, chats: map[int64]time.Time{}, groups: map[int64]time.Time{}}
}

// take counts a message to the chat and returns 0, or the seconds to wait when it is over a limit; then nothing is counted.
func (l *limiter) take(chat int64) int {
	if l.limits == (TelegramLimits{}) {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	inChat, wait := l.limits.Chat.next(l.chats[chat], now)
	inGroup, groupWait := l.groups[chat], time.Duration(0)
	if chat < 0 {
		inGroup, groupWait = l.limits.Group.next(inGroup, now)
	}
	inAll, allWait := l.limits.Global.next(l.global, now)
	if wait = max(wait, groupWait, allWait); wait > 0 {
		return int(math.Ceil(wait.Seconds()))
	}
	l.chats[chat], l.groups[chat], l.global = inChat, inGroup, inAll
	return 0
}

// next returns the state after one more message, or how long that is too early.
func (l Limit) next(due, now time.Time) (time.Time, time.Duration) {
	if l.Every <= 0 {
		return due, 0
	}
	if due.Before(now) {
		due = now
	}
	if early := due.Sub(now) - time.Duration(max(l.Burst, 1)-1)*l.Every; early > 0 {
		return due, early
	}
	return due.Add(l.Every), 0
}
