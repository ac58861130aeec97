// Package control is what an operator does to the program: pause it, look after dead letters and people, back the store up.
//
// Local works on the store itself, beside a running relay or without one. Handler offers a Control over HTTP to those who have its
// token, and Dial is the other end of that, so that a command works the same way whether the program runs or not.
package control

import (
	"context"
	"errors"
	"io"
	"time"

	"avatarbridge/bridges/relay"
	"avatarbridge/store"
)

// The errors of a Control that talks to a running program.
var (
	// ErrNotRunning means that nothing listens at the address.
	ErrNotRunning = errors.New("the program does not run")
	// ErrRefused means that the program does not accept the token.
	ErrRefused = errors.New("the running program refuses the admin token")
)

// A Control is the operator's hand on the program. A person is named by uid, "platform:user" or "platform:tenant:user"; one that is
// not known is store.ErrNotFound.
type Control interface {
	// Status says how the program is.
	Status(ctx context.Context) (Status, error)

	// Pause stops asking and posting, durably: everything for target "", or "bridge", or "bridge/channel".
	Pause(ctx context.Context, target string) error
	// Resume ends a pause of exactly this target, which is no error when there is none.
	Resume(ctx context.Context, target string) error
	// Paused returns the targets that are paused, sorted.
	Paused(ctx context.Context) ([]string, error)

	// DeadList returns dead letters, newest first: those with an id below before (0: from the newest), at most n.
	DeadList(ctx context.Context, before int64, n int) ([]Letter, error)
	// DeadRetry puts dead letters back to be worked on now, all of them without ids, and returns how many.
	DeadRetry(ctx context.Context, ids ...int64) (int, error)
	// DeadDrop deletes dead letters for good, all of them without ids, and returns how many.
	DeadDrop(ctx context.Context, ids ...int64) (int, error)

	// People returns people by the time they were last seen, newest first, skipping the first skip, at most n.
	People(ctx context.Context, skip, n int) ([]store.Person, error)
	// Person finds one person.
	Person(ctx context.Context, ref string) (store.Person, error)
	// Export writes all that is kept of a person as one JSON document. After an error w may hold a part of it.
	Export(ctx context.Context, ref string, w io.Writer) error
	// Forget deletes all that is kept of a person and returns how many conversations that were.
	Forget(ctx context.Context, ref string) (conversations int, err error)

	// Backup writes a consistent copy of the store to a new file of the machine that the program runs on; file is an absolute path.
	Backup(ctx context.Context, file string) error
}

// Status is the state of the program.
type Status struct {
	Relay relay.Status // the zero value when the program does not run
	Depth store.Depth
}

// A Letter is a dead letter without its content.
type Letter struct {
	ID       int64
	Post     bool   // a post that was not sent, else a turn that was not answered
	Unclear  bool   // it may have been sent
	Account  string // "telegram:123456"
	Channel  string
	Avatar   string
	Reason   string
	At       time.Time
	Attempts int
}
