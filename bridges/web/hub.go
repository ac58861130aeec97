package web

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// settled is how long a connection is kept for the sake of newer ones of the same visitor. A phone that changes its network leaves
// connections behind that look alive for a quarter of an hour: they give way, while more pages than allowed do not chase one another.
const settled = time.Minute

// A hub knows which pages are open and tells them that there is something new. It holds nothing that matters: what was said is in the store.
type hub struct {
	maxOpen, maxPerVisitor, maxPerAddress int

	mu        sync.Mutex
	open      int
	visitors  map[visitor][]*listener // the oldest first
	addresses map[netip.Prefix]int
}

// A listener is one open page.
type listener struct {
	of      visitor
	address netip.Prefix
	since   time.Time
	wake    chan struct{} // holds one: something of what follows was set

	mu      sync.Mutex
	pending pending
}

// pending is what a page has to be told. Of drafts and typing only the latest counts.
type pending struct {
	news    bool // look into the feed
	over    bool // the connection gives way to another one
	drafted bool
	draft   string // Markdown; "" takes it away
	typing  time.Duration
}

func newHub(c Config) *hub {
	return &hub{
		maxOpen: c.MaxOpen, maxPerVisitor: c.MaxPerVisitor, maxPerAddress: c.MaxPerAddress,
		visitors: map[visitor][]*listener{}, addresses: map[netip.Prefix]int{},
	}
}

// join adds a page; nil when there are too many. Who joined must leave.
func (h *hub) join(v visitor, address netip.Prefix, now time.Time) *listener {
	h.mu.Lock()
	defer h.mu.Unlock()
	if mine := h.visitors[v]; len(mine) >= h.maxPerVisitor {
		oldest := mine[0]
		if now.Sub(oldest.since) < settled {
			return nil
		}
		h.remove(oldest)
		oldest.tell(func(p *pending) { p.over = true })
	}
	wide, ranged := wider(address)
	if h.open >= h.maxOpen || h.maxPerAddress > 0 &&
		(h.addresses[address] >= h.maxPerAddress || ranged && h.addresses[wide] >= widerRoom*h.maxPerAddress) {
		return nil
	}
	l := &listener{of: v, address: address, since: now, wake: make(chan struct{}, 1)}
	h.visitors[v] = append(h.visitors[v], l)
	h.addresses[address]++
	if ranged {
		h.addresses[wide]++
	}
	h.open++
	return l
}

func (h *hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remove(l)
}

// remove forgets a page, once.
func (h *hub) remove(l *listener) {
	mine := h.visitors[l.of]
	i := slices.Index(mine, l)
	if i < 0 {
		return
	}
	if h.open--; len(mine) == 1 {
		delete(h.visitors, l.of)
	} else {
		h.visitors[l.of] = slices.Delete(mine, i, i+1)
	}
	h.part(l.address)
	if wide, ranged := wider(l.address); ranged {
		h.part(wide)
	}
}

func (h *hub) part(address netip.Prefix) {
	if h.addresses[address]--; h.addresses[address] == 0 {
		delete(h.addresses, address)
	}
}

// tell changes what the visitor's pages have to be told. It never waits for them.
func (h *hub) tell(v visitor, change func(*pending)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, l := range h.visitors[v] {
		l.tell(change)
	}
}

func (l *listener) tell(change func(*pending)) {
	l.mu.Lock()
	change(&l.pending)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// takeNews reports whether there may be something new in the feed, once, and whether the connection has to give way.
func (l *listener) takeNews() (news, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	news, l.pending.news = l.pending.news, false
	return news, l.pending.over
}

// takeTyping returns for how long dots are to be shown, once; 0: nothing new.
func (l *listener) takeTyping() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.pending.typing
	l.pending.typing = 0
	return d
}

// takeDraft returns the latest draft, once; false: none is new.
func (l *listener) takeDraft() (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text, ok := l.pending.draft, l.pending.drafted
	l.pending.draft, l.pending.drafted = "", false
	return text, ok
}

// hasDraft reports whether takeDraft would return one.
func (l *listener) hasDraft() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pending.drafted
}
