package web

import (
	"container/list"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxAddresses bounds how many client addresses are remembered; the one that was quiet for longest is forgotten first.
const maxAddresses = 20_000

// A pace allows count messages in a time, all of them at once or spread over it.
type pace struct {
	count int
	every time.Duration
}

var units = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

// parseRates reads "60/m, 1000/h"; "off" is no limit.
func parseRates(s string) ([]pace, error) {
	if strings.TrimSpace(s) == "off" {
		return nil, nil
	}
	var all []pace
	for part := range strings.SplitSeq(s, ",") {
		n, unit, ok := strings.Cut(strings.TrimSpace(part), "/")
		count, err := strconv.Atoi(strings.TrimSpace(n))
		every := units[strings.TrimSpace(unit)]
		if !ok || err != nil || count < 1 || every == 0 {
			return nil, fmt.Errorf(`must be like "60/m" or "60/m, 1000/h" (units s, m, h, d), or "off"`)
		}
		all = append(all, pace{count, every})
	}
	return all, nil
}

// An addressLimit bounds how often each client address may do something.
type addressLimit struct {
	paces []pace

	mu      sync.Mutex
	entries map[netip.Prefix]*list.Element // of *addressEntry
	recent  list.List                      // the latest first
}

type addressEntry struct {
	of       netip.Prefix
	limiters []*rate.Limiter
}

func newAddressLimit(paces []pace) *addressLimit {
	return &addressLimit{paces: paces, entries: map[netip.Prefix]*list.Element{}}
}

// wait is 0 when the address may go on, which counts. Otherwise nothing is counted and it is how long the address has to wait.
func (l *addressLimit) wait(of netip.Prefix, now time.Time) time.Duration {
	if len(l.paces) == 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	limiters := l.limiters(of, 1)
	if wide, ok := wider(of); ok {
		limiters = slices.Concat(limiters, l.limiters(wide, widerRoom))
	}
	var longest time.Duration
	taken := make([]*rate.Reservation, len(limiters))
	for i, limiter := range limiters {
		taken[i] = limiter.ReserveN(now, 1)
		longest = max(longest, taken[i].DelayFrom(now))
	}
	if longest > 0 {
		for _, r := range taken {
			r.CancelAt(now)
		}
	}
	return longest
}

// limiters are those of a range of addresses, which takes room times as much as one address may.
func (l *addressLimit) limiters(of netip.Prefix, room int) []*rate.Limiter {
	if e := l.entries[of]; e != nil {
		l.recent.MoveToFront(e)
		return e.Value.(*addressEntry).limiters
	}
	if len(l.entries) >= maxAddresses {
		oldest := l.recent.Remove(l.recent.Back()).(*addressEntry)
		delete(l.entries, oldest.of)
	}
	entry := &addressEntry{of: of}
	for _, p := range l.paces {
		entry.limiters = append(entry.limiters, rate.NewLimiter(rate.Every(p.every/time.Duration(p.count*room)), p.count*room))
	}
	l.entries[of] = l.recent.PushFront(entry)
	return entry.limiters
}

// An IPv6 client has a whole range to itself: mostly a /56, of which it takes new addresses at will. Where a /48 is one client's, it may do
// widerRoom times as much as one address, and no more.
const (
	clientBits = 56
	widerBits  = 48
	widerRoom  = 8
)

// addressOf returns the client's address as limits count it. What is no address is one for all.
func addressOf(remote string) netip.Prefix {
	a, err := netip.ParseAddrPort(remote)
	addr := a.Addr()
	if err != nil {
		if addr, err = netip.ParseAddr(remote); err != nil {
			return netip.Prefix{}
		}
	}
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = clientBits
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// wider returns the range around a client's that may be one client's as well; false where there is none.
func wider(of netip.Prefix) (netip.Prefix, bool) {
	if !of.IsValid() || !of.Addr().Is6() {
		return netip.Prefix{}, false
	}
	p, err := of.Addr().Prefix(widerBits)
	return p, err == nil
}
