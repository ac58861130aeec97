package server

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Behind serves requests as if there were no reverse proxies before the program: RemoteAddr is the client's, as the proxies tell it. They tell
// the rest of what they know in headers, which anybody could send: of these the X-Forwarded-Proto of a trusted proxy is all that next
// sees, and only if it is "http" or "https".
//
// The client is the last address of X-Forwarded-For that is not a proxy's: what stands before it was written by strangers. Where the
// header is missing or unreadable the client is the last proxy that can be known.
func Behind(proxies []netip.Prefix, next http.Handler) http.Handler {
	trusted := func(a netip.Addr) bool { return among(proxies, a) }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var scheme string
		if peer, ok := clientAddr(r.RemoteAddr); ok && trusted(peer.Addr()) {
			r.RemoteAddr = client(peer, r.Header.Values("X-Forwarded-For"), trusted).String()
			scheme = forwardedScheme(r.Header.Values("X-Forwarded-Proto"))
		}
		for name := range r.Header {
			if strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" || name == "X-Real-Ip" {
				delete(r.Header, name)
			}
		}
		if scheme != "" {
			r.Header.Set("X-Forwarded-Proto", scheme)
		}
		next.ServeHTTP(w, r) // the same request, so that its route is known afterwards
	})
}

func among(proxies []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// client walks from the proxy that connected here to the first address that is no proxy's.
func client(peer netip.AddrPort, forwarded []string, trusted func(netip.Addr) bool) netip.AddrPort {
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !trusted(peer.Addr()) {
			break
		}
		before, ok := clientAddr(strings.TrimSpace(hop))
		if !ok { // "unknown", a name, nonsense: who is before it cannot be known
			break
		}
		peer = before
	}
	return peer
}

// clientAddr reads an address with or without a port. IPv4 has one form only, and zones, which mean nothing elsewhere, are left out.
func clientAddr(s string) (netip.AddrPort, bool) {
	at, err := netip.ParseAddrPort(s)
	if err != nil {
		ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
		if err != nil {
			return netip.AddrPort{}, false
		}
		at = netip.AddrPortFrom(ip, 0)
	}
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()), true
}

// forwardedScheme is "http" or "https" if all that was sent says so, else "".
func forwardedScheme(values []string) string {
	var found string
	for s := range strings.SplitSeq(strings.Join(values, ","), ",") {
		s = strings.ToLower(strings.TrimSpace(s))
		if s != "http" && s != "https" || found != "" && found != s {
			return ""
		}
		found = s
	}
	return found
}
