package store

import "time"

// A Scope is what a hold binds: all of an account, one channel of it, one conversation, an avatar, or, with nothing set, everything.
type Scope struct {
	Account      string
	Channel      string // with Account
	Conversation int64
	Avatar       string
	Pause        bool // an operator's pause, kept apart from a platform's throttle of the same scope
}

// A Hold says that nothing may be done in a scope until a time.
type Hold struct {
	Scope  Scope
	Until  time.Time // the zero time: until it is released
	Reason string
}

// An Item is one thing that was written or posted in a conversation, for a page that shows it again. The feed of a conversation is bounded, goes
// on over its generations, and is deleted with it.
type Item struct {
	ID   int64 // rises; never used twice, also not after a crash
	At   time.Time
	Body []byte
}

// A Letter is a dead letter: a turn that was never answered, or a post that was never or perhaps never sent.
type Letter struct {
	ID           int64
	Post         bool // else a turn
	Unclear      bool // it may have been sent
	Conversation Conversation
	Reason       string
	At           time.Time
	Attempts     int
	Body         []byte
}

// A Person is who is behind one or more identities.
type Person struct {
	UID           string
	Name          string // as last seen
	Identities    []Identity
	FirstSeen     time.Time
	LastSeen      time.Time
	Conversations int
}

// Depth counts what waits.
type Depth struct {
	Turns  map[string]int // waiting and claimed turns by account
	Posts  map[string]int // waiting and claimed posts by account
	Dead   int
	Oldest time.Time // when the oldest of them was accepted; the zero time when nothing waits
}
