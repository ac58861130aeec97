package server

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// Bounds say how much may be open at once. Zero fields are no bound.
type Bounds struct {
	Connections int            // of all
	PerAddress  int            // of one address, an IPv6 address being its /56: connections, and requests of a client behind a proxy
	Exempt      []netip.Prefix // addresses that have no bound of their own: proxies, behind which are many, and this machine
}

// filesUnknown stands for how many files the program may open where the system does not tell.
const filesUnknown = 8192

// addressShare is which part of all connections one address may have.
const addressShare = 8

// DefaultBounds are derived from how many files the system lets the program open: a quarter of them is left for the database, for
// audio, and for calls of services.
func DefaultBounds(proxies []netip.Prefix) Bounds {
	all := min(openFiles()/4*3, 100_000)
	exempt := append([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, proxies...)
	return Bounds{Connections: all, PerAddress: max(all/addressShare, 16), Exempt: exempt}
}

// A crowd counts what is open, by address.
type crowd struct {
	Bounds
	mu   sync.Mutex
	open int
	of   map[netip.Prefix]int
}

func newCrowd(b Bounds) *crowd { return &crowd{Bounds: b, of: map[netip.Prefix]int{}} }

// enter takes a place; false means that there is none. Who entered leaves, once.
func (c *crowd) enter(from netip.Prefix) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Connections > 0 && c.open >= c.Connections || c.PerAddress > 0 && from.IsValid() && c.of[from] >= c.PerAddress {
		return false
	}
	c.open++
	if from.IsValid() {
		c.of[from]++
	}
	return true
}

func (c *crowd) leave(from netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open--; !from.IsValid() {
		return
	}
	if c.of[from]--; c.of[from] == 0 {
		delete(c.of, from)
	}
}

// address is what the client counts as; invalid for one that has no bound of its own.
func (c *crowd) address(remote string) netip.Prefix {
	at, ok := clientAddr(remote)
	if !ok {
		return netip.Prefix{}
	}
	addr := at.Addr()
	for _, p := range c.Exempt {
		if p.Contains(addr) {
			return netip.Prefix{}
		}
	}
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 56
	}
	p, _ := addr.Prefix(bits) // bits fit the address
	return p
}

// Bounded returns ln with bounds: a connection over one is closed at once, so that those of others go on.
func Bounded(ln net.Listener, b Bounds) net.Listener {
	return &boundedListener{Listener: ln, crowd: newCrowd(b)}
}

type boundedListener struct {
	net.Listener
	crowd *crowd
}

// Accept returns the next connection for which there is a place.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := l.crowd.address(conn.RemoteAddr().String())
		if l.crowd.enter(from) {
			return &boundedConn{Conn: conn, leave: sync.OnceFunc(func() { l.crowd.leave(from) })}, nil
		}
		_ = conn.Close() // there is nothing to lose in it
	}
}

type boundedConn struct {
	net.Conn
	leave func()
}

// Close frees the place.
func (c *boundedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// Shared bounds the requests of one client that are under way at once, for those whose connections come from a proxy. It goes inside of
// Behind, which knows the client.
func Shared(b Bounds, next http.Handler) http.Handler {
	b.Connections = 0 // the listener counts those
	c := newCrowd(b)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from := c.address(r.RemoteAddr)
		if !c.enter(from) {
			w.Header().Set("Retry-After", "5")
			http.Error(w, "too many requests at once", http.StatusTooManyRequests)
			return
		}
		defer c.leave(from)
		next.ServeHTTP(w, r)
	})
}
