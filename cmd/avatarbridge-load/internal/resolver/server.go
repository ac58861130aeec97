package resolver

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Of RFC 1035.
const (
	headerSize   = 12
	typeA        = 1
	codeServFail = 2
	codeNXDomain = 3
)

func (r *Resolver) serve() {
	b := make([]byte, 1500)
	for {
		n, from, err := r.conn.ReadFrom(b)
		if err != nil {
			return
		}
		if answer := r.answer(b[:n]); answer != nil {
			_, _ = r.conn.WriteTo(answer, from) // who asked has gone
		}
	}
}

// answer returns the answer to a question, nil for none.
func (r *Resolver) answer(query []byte) []byte {
	name, kind, end := question(query)
	if end == 0 {
		return nil
	}
	code, found := codeNXDomain, false
	switch failure, lost := r.fails(name, kind); {
	case lost && failure == NoAnswer:
		return nil
	case lost && failure == ServerFault:
		code = codeServFail
	case !lost && strings.HasSuffix(name, Domain):
		code, found = 0, kind == typeA
	}
	out := append([]byte(nil), query[:end]...)
	binary.BigEndian.PutUint16(out[2:], 0x8180|uint16(code)) // an answer, recursion desired and available
	for i, n := range []uint16{1, 0, 0, 0} {
		binary.BigEndian.PutUint16(out[4+2*i:], n)
	}
	if found {
		out[7] = 1
		// The name is that at the message's 12th byte; class IN, no time to live, four bytes.
		out = append(out, 0xc0, headerSize, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1)
	}
	return out
}

// fails says how a question fails now. The ways take turns by the questions of IPv4 addresses, beside each of which is one of IPv6.
func (r *Resolver) fails(name string, kind uint16) (f Failure, lost bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.lost, name) {
		return 0, false
	}
	all := r.failed[name]
	n := 0
	for _, so := range all {
		n += so
	}
	f = Failure(n % int(failures))
	if kind == typeA {
		all[f]++
		r.failed[name] = all
	}
	return f, true
}

// question reads the first question of a message, and where it ends: 0 when there is none.
func question(b []byte) (name string, kind uint16, end int) {
	at := headerSize
	var labels []string
	for at < len(b) && b[at] != 0 {
		n := int(b[at])
		if n > 63 || at+1+n >= len(b) {
			return "", 0, 0
		}
		labels = append(labels, strings.ToLower(string(b[at+1:at+1+n])))
		at += 1 + n
	}
	if at+5 > len(b) {
		return "", 0, 0
	}
	return strings.Join(labels, "."), binary.BigEndian.Uint16(b[at+1:]), at + 5
}
