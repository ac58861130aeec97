package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// server checks what a struct's types cannot say about [server].
func (r *reader) server() {
	s, at := &r.config.Server, path{"server"}
	r.address(at.to("listen"), s.Listen)
	r.address(at.to("admin_listen"), s.AdminListen)
	if s.Listen == s.AdminListen && !strings.HasSuffix(s.Listen, ":0") {
		r.fault(at.to("admin_listen"), "is the address of server.listen: the two need one each")
	}
	if s.AdminToken == "" && !local(s.AdminListen) {
		r.warn(at.to("admin_listen"), "lets other machines see /metrics and /readyz: keep it at 127.0.0.1, or behind a firewall with an admin_token that you chose")
	}
	if s.AdminToken != "" && len(s.AdminToken) < 16 {
		r.fault(at.to("admin_token"), "is too short to be safe: use at least 16 characters, such as the output of: openssl rand -hex 32")
	}
	s.PublicURL = r.publicURL(at.to("public_url"), s.PublicURL)
	for i, p := range s.TrustedProxies {
		if proxy, ok := r.proxy(at.to("trusted_proxies").at(i), p); ok {
			s.Proxies = append(s.Proxies, proxy)
		}
	}
}

// proxy reads the address or range of trusted proxies.
func (r *reader) proxy(at path, text string) (netip.Prefix, bool) {
	text = strings.TrimSpace(text)
	ip, err := netip.ParseAddr(text)
	if err == nil && ip.Zone() == "" {
		ip = ip.Unmap()
		return netip.PrefixFrom(ip, ip.BitLen()), true
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		r.fault(at, `is no address: write an IP address or a range, such as "10.0.0.2" or "10.0.0.0/8"`)
		return p, false
	case p.Bits() == 0:
		r.fault(at, "trusts everybody: whoever writes could choose the address that limits count; write the addresses of your proxies alone")
		return p, false
	case p.Addr().Is4In6():
		r.fault(at, "is a range of IPv4 addresses written as IPv6: write it as IPv4")
		return p, false
	}
	return p.Masked(), true
}

func (r *reader) address(at path, address string) {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		r.fault(at, `is no address to listen at: write host:port, such as "127.0.0.1:8080", or ":8080" for all addresses of the machine`)
	}
}

// local says whether only this machine can reach an address.
func local(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "localhost" {
		return true // a bad address is a fault already
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (r *reader) publicURL(at path, text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		r.fault(at, `is no public address: write it such as "https://bot.example.com"`)
		return ""
	}
	if u.Scheme == "http" && !local(net.JoinHostPort(u.Hostname(), "80")) {
		r.warn(at, "is not https: platforms and services will refuse to send to it")
	}
	return strings.TrimRight(text, "/")
}

// minStore is the least that a database may be bounded to: an empty one has more than a tenth of that.
const minStore = 1 << 20

// store checks [store] and completes the paths that stand beside the database.
func (r *reader) store() {
	s := &r.config.Store
	kind, file, ok := strings.Cut(s.URL, ":")
	if !ok || kind != "sqlite" || file == "" {
		r.fault(path{"store", "url"}, `must name a file that SQLite keeps, such as "sqlite:avatarbridge.db": this version has no other store`)
		return
	}
	if s.MaxBytes > 0 && s.MaxBytes < minStore {
		r.fault(path{"store", "max_bytes"}, fmt.Sprintf("is %d: it must be at least %d (1 MiB), or 0 for as much as the disk has", s.MaxBytes, minStore))
	}
	s.Path = r.resolve(strings.TrimPrefix(file, "//"))
	m := &r.config.Media
	if m.Dir == "" {
		m.Dir = s.Path + ".media"
		return
	}
	m.Dir = r.resolve(m.Dir)
}

func (r *reader) warn(at path, problem string) {
	r.warnings = append(r.warnings, Fault{File: r.file, Key: at.String(), Problem: r.redact(problem)}.at(r.where(at)))
}
