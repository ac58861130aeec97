package guard

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"code.dny.dev/ssrf"
)

// maxURL is longer than any signed link of the large object stores, and shorter than what platforms take in a message.
const maxURL = 4096

// publicOnly judges addresses only, as the dialer does.
var publicOnly = ssrf.New(ssrf.WithAnyPort())

// privateZones are names that never lead out of the machine or its network.
var privateZones = []string{"localhost", "localdomain", "local", "internal", "intranet", "lan", "home.arpa", "test", "invalid", "onion"}

// Vet judges a URL that a service named, without any I/O: it must be absolute, https, without user name, and its host must be a
// public address or a name that can be one. With allowPrivate http and any host are fine too. The error is a *Refusal; it names
// the host at most, since the rest of a URL may be a secret. A name that passes may still resolve to a private address, which only a
// Client notices.
func Vet(rawURL string, allowPrivate bool) error {
	if len(rawURL) > maxURL {
		return &Refusal{Reason: "the address is longer than 4096 bytes"}
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return &Refusal{Reason: "the address is not a valid URL"} // the parser's error would hold the URL
	}
	return vet(u, allowPrivate)
}

func vet(u *url.URL, allowPrivate bool) error {
	switch {
	case u.Scheme == "http" && !allowPrivate:
		return &Refusal{Reason: "the address is http and not https: set allow_private = true for this avatar if that is meant"}
	case u.Scheme != "https" && u.Scheme != "http":
		return &Refusal{Reason: "the address is not an https URL"}
	case u.Hostname() == "":
		return &Refusal{Reason: "the address has no host"}
	case u.User != nil:
		return &Refusal{Reason: "the address holds a user name or password"}
	case allowPrivate:
		return nil
	}
	return vetHost(u.Hostname())
}

func vetHost(host string) error {
	if ip, err := netip.ParseAddr(host); err == nil {
		return vetIP(ip)
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if ip, err := netip.ParseAddr(name); err == nil { // "127.0.0.1."
		return vetIP(ip)
	}
	labels := strings.Split(name, ".")
	switch {
	case !plainName(name):
		return &Refusal{Reason: "the address has a host that is no plain host name"}
	case isNumber(labels[len(labels)-1]):
		// 2130706433, 0x7f.1 and 0177.0.0.1 are all 127.0.0.1 to some resolvers; no real name ends in a number.
		return notPublic("the host " + name + " is an IP address in an unusual notation")
	case len(labels) == 1 || slices.ContainsFunc(privateZones, func(z string) bool { return strings.HasSuffix("."+name, "."+z) }):
		return notPublic("the host " + name + " is no public name")
	}
	return nil
}

func vetIP(ip netip.Addr) error {
	if ip.Zone() != "" || publicOnly.SafeAddr(ip.Unmap().WithZone("")) != nil {
		return notPublic("the host " + ip.String() + " is no public address")
	}
	return nil
}

func notPublic(what string) *Refusal {
	return &Refusal{Reason: what + ": set allow_private = true for this avatar if it runs in your own network"}
}

// plainName reports whether s consists of labels of ASCII letters, digits, hyphens and underscores. Other scripts have to be written as
// punycode: some of their letters and digits are turned into ASCII ones on the way to the resolver.
func plainName(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range label {
			if !(c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z') {
				return false
			}
		}
	}
	return len(s) <= 253
}

// isNumber reports whether a resolver might read the label as a decimal, octal or hexadecimal number.
func isNumber(label string) bool {
	digits, hex := strings.CutPrefix(label, "0x")
	for _, c := range digits {
		if !('0' <= c && c <= '9' || hex && 'a' <= c && c <= 'f') {
			return false
		}
	}
	return true
}
