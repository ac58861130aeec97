// Package resolver is what a program resolves names with whose /etc is not the machine's: a name server that fails in turn in each way in which
// they do, or, where nobody may listen at the port of name servers, a file of hosts from which the names go.
package resolver

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Domain is what names end with that are this machine's.
const Domain = ".load.test"

// Files returns the names of the files of /etc that New writes.
func Files() []string { return []string{"resolv.conf", "hosts"} }

// Failure is how a question of a name failed.
type Failure int

// The failures, in the order in which they take turns.
const (
	NoSuchName  Failure = iota // NXDOMAIN
	ServerFault                // SERVFAIL
	NoAnswer
	failures
)

// String names the failure.
func (f Failure) String() string { return [...]string{"NXDOMAIN", "SERVFAIL", "no answer"}[f] }

// Resolver resolves names below Domain, or does not.
type Resolver struct {
	hosts string         // the file
	names []string       // that are in it unless they are lost, where there is no server
	conn  net.PacketConn // nil without a server
	work  sync.WaitGroup

	mu     sync.Mutex
	lost   []string
	failed map[string][failures]int // questions of a name that failed, each in its way
}

// New writes resolv.conf and hosts to a folder, so that these names, which end with Domain, are this machine's. Close must be called.
func New(dir string, names ...string) (*Resolver, error) {
	r := &Resolver{hosts: filepath.Join(dir, "hosts"), failed: map[string][failures]int{}}
	address := ""
	for range 20 { // another program may have one
		address = fmt.Sprintf("127.%d.%d.%d", 1+rand.N(250), rand.N(250), 1+rand.N(250))
		var err error
		if r.conn, err = net.ListenPacket("udp", address+":53"); err == nil {
			break
		}
	}
	if r.conn == nil {
		r.names = names
	} else {
		r.work.Go(r.serve)
	}
	conf := fmt.Sprintf("nameserver %s\noptions timeout:1 attempts:1\n", address)
	if err := os.WriteFile(filepath.Join(dir, "resolv.conf"), []byte(conf), 0o644); err != nil {
		r.Close()
		return nil, err
	}
	if err := r.Lose(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Close ends the server.
func (r *Resolver) Close() {
	if r.conn != nil {
		r.conn.Close()
	}
	r.work.Wait()
}

// Serves reports whether there is a name server, and not only a file of hosts: without, who asks is refused when the names are lost.
func (r *Resolver) Serves() bool { return r.conn != nil }

// Lose lets these names not be resolved, and all others again.
func (r *Resolver) Lose(names ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost = names
	text := "127.0.0.1 localhost\n"
	for _, name := range r.names {
		if !slices.Contains(names, name) {
			text += "127.0.0.1 " + name + "\n"
		}
	}
	return os.WriteFile(r.hosts, []byte(text), 0o644) // in place: another file would not be the one that is mounted
}

// Failed is how often a name was asked for and not resolved, in each way.
func (r *Resolver) Failed(name string) map[Failure]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[Failure]int{}
	for f, n := range r.failed[name] {
		if n > 0 {
			all[Failure(f)] = n
		}
	}
	return all
}
