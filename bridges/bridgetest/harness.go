package bridgetest

import (
	"context"
	"log/slog"
	"testing"

	"avatarbridge/bridges"
)

// Harness is what a platform brings to the tests of Run.
type Harness struct {
	// Start makes a fresh platform with one account, one person who has a direct chat with it, and one room that both are in. It
	// registers its end with t.Cleanup.
	Start func(t *testing.T) Platform
	// Pushed says that the platform calls the bridge, which therefore cannot notice at once that the platform is away.
	Pushed bool
	// Fed says that the bridge shows people what is in the relay's feed, on pages of its own: there are no rooms and no bots, so that the room may
	// be the direct chat, and there is no token and no call that could go wrong.
	Fed bool
}

// Where is one of the two places of a Platform.
type Where uint8

// The places.
const (
	Direct Where = iota // the person's direct chat
	Room                // a room in which the account is one of many
)

// Trouble is what befalls the next calls of Send, until Calm.
type Trouble uint8

// The troubles.
const (
	Throttling    Trouble = iota // the platform asks for a pause of ThrottleSeconds
	FormRefused                  // the mark-up, or whatever a message's first form has and its last form has not, is refused
	Blocked                      // the person does not want to hear from the account any more
	LostAnswer                   // the message is posted, the connection breaks before the answer
	LostRequest                  // the connection breaks before the message is posted, after it was read
	SilentServer                 // the message is read and no answer comes
	GarbageAnswer                // the message is posted, the answer is a success that nobody can read
	HalfAnswer                   // the message is posted, the answer is a success that breaks off
	FailingServer                // 502 with a page of HTML, the message is not posted
)

// ThrottleSeconds is the pause that Throttling asks for.
const ThrottleSeconds = 7

// Platform is a simulated platform as the tests of Run need it.
type Platform interface {
	// Account is what the bridge must give to Open.
	Account() string
	// New makes a bridge for the account that logs to log. Bridges that are made one after the other stand for one that is restarted.
	New(log *slog.Logger) bridges.Bridge
	// NewRefused makes one whose token the platform refuses.
	NewRefused(log *slog.Logger) bridges.Bridge
	// Secrets are texts that must be in no error and no log.
	Secrets() []string

	// Place is how the bridge names a place.
	Place(w Where) bridges.Place
	// Write lets the person write, in a room so that the account is addressed.
	Write(w Where, text string)
	// WriteBot lets another bot write in the room.
	WriteBot(text string)
	// WriteBad delivers events that cannot be understood or are badly typed, each alone and several in a row.
	WriteBad()
	// Unacknowledged is how many events the platform would deliver again.
	Unacknowledged() int
	// WaitFor returns nil as soon as done returns true; it is asked again whenever Unacknowledged or Posted may have changed.
	WaitFor(ctx context.Context, done func() bool) error

	// Posted returns the texts that the account has posted at a place, as people see them, in order.
	Posted(w Where) []string
	// Trouble makes calls of Send go wrong until Calm.
	Trouble(k Trouble)
	Calm()
	// Offline makes the platform unreachable: open connections break, new ones are refused. Online undoes it.
	Offline()
	Online()
}
