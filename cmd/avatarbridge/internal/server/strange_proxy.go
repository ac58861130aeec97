package server

import (
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
)

// Wary warns, once, when what looks like a reverse proxy of the operator's own is none of the trusted ones: all visitors that come through it
// count as one, and soon some are refused. It goes outside of Behind. Only a peer at this machine or in a private network can be meant, since
// anybody else may send what proxies send.
func Wary(proxies []netip.Prefix, log *slog.Logger, next http.Handler) http.Handler {
	var once sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Forwarded-For") != "" {
			if peer, ok := clientAddr(r.RemoteAddr); ok && near(peer.Addr()) && !among(proxies, peer.Addr()) {
				once.Do(func() {
					log.Warn("a reverse proxy that is not in server.trusted_proxies passes requests on: for its limits all visitors behind it count as one; "+
						"add its address", "address", peer.Addr().String())
				})
			}
		}
		next.ServeHTTP(w, r)
	})
}

func near(a netip.Addr) bool { return a.IsLoopback() || a.IsPrivate() }
