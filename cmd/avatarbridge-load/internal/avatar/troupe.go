package avatar

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// A Troupe is several services of one player at once, none of which is missing.
type Troupe []Service

// Name is what the avatar with this number is called in the configuration. There may be more numbers than services, which then take turns.
func (t Troupe) Name(number int) string { return fmt.Sprint("luna", number%len(t)) }

// Section is the configuration of all, each with more lines.
func (t Troupe) Section(more string) string {
	var b strings.Builder
	for i, s := range t {
		b.WriteString(s.Section(t.Name(i)))
		b.WriteString(more)
	}
	return b.String()
}

// Player says how all behave.
func (t Troupe) Player() *Player { return t[0].Player() }

// Quiet returns when all is noted that a program asked which is dead by now.
func (t Troupe) Quiet(ctx context.Context) error {
	var all []error
	for _, s := range t {
		all = append(all, s.Quiet(ctx))
	}
	return errors.Join(all...)
}

// Close ends all.
func (t Troupe) Close() {
	for _, s := range t {
		s.Close()
	}
}

// CallsBack reports whether one of them has to be told where the program listens.
func (t Troupe) CallsBack() bool {
	for _, s := range t {
		if _, ok := s.(*Voximplant); ok {
			return true
		}
	}
	return false
}
