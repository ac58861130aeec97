package voximplant

import (
	"slices"
	"time"
)

const (
	passOver    = time.Minute // how long an address that failed is passed over while there is another one
	refreshEach = time.Hour   // how long the addresses that the platform named are used
)

// book holds the addresses of the avatar API. It is not safe for use by several goroutines.
type book struct {
	known  []string
	until  time.Time            // when they are to be asked for again
	failed map[string]time.Time // when an address failed last
}

// set takes what the platform named.
func (b *book) set(known []string, now time.Time) {
	b.known, b.until = known, now.Add(refreshEach)
	for a := range b.failed {
		if !slices.Contains(known, a) {
			delete(b.failed, a)
		}
	}
}

// fail notes that an address failed.
func (b *book) fail(address string, now time.Time) {
	if b.failed == nil {
		b.failed = make(map[string]time.Time)
	}
	if slices.Contains(b.known, address) {
		b.failed[address] = now
	}
}

// well notes that an address works.
func (b *book) well(address string) { delete(b.failed, address) }

// down reports whether an address is passed over.
func (b *book) down(address string, now time.Time) bool {
	at, ok := b.failed[address]
	return ok && now.Sub(at) < passOver
}

// order returns the addresses in the order in which they are to be tried: in the platform's own, then those that are passed over, the one that
// failed longest ago first.
func (b *book) order(now time.Time) []string {
	all := slices.Clone(b.known)
	slices.SortStableFunc(all, func(x, y string) int {
		dx, dy := b.down(x, now), b.down(y, now)
		switch {
		case dx && dy:
			return b.failed[x].Compare(b.failed[y])
		case dx:
			return 1
		case dy:
			return -1
		}
		return 0
	})
	return all
}

// better reports whether the address is passed over while another one is not.
func (b *book) better(than string, now time.Time) bool {
	return b.down(than, now) && slices.ContainsFunc(b.known, func(a string) bool { return !b.down(a, now) })
}
