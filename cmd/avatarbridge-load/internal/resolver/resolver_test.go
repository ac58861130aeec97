package resolver

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNamesFailInTurnInEachWay(t *testing.T) {
	dir := t.TempDir()
	l, err := net.ListenPacket("udp", "127.0.0.1:0") // the port of name servers may not be had
	if err != nil {
		t.Fatal(err)
	}
	r := &Resolver{hosts: filepath.Join(dir, "hosts"), conn: l, failed: map[string][failures]int{}}
	r.work.Go(r.serve)
	defer r.Close()
	ask := func(name string) ([]string, error) {
		var d net.Dialer
		client := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "udp", l.LocalAddr().String())
		}}
		return client.LookupHost(t.Context(), name)
	}
	const name = "api" + Domain
	if got, err := ask(name + "."); err != nil || len(got) != 1 || got[0] != "127.0.0.1" {
		t.Errorf("it is %q, %v", got, err)
	}
	if _, err := ask("example.com."); !notFound(err) {
		t.Errorf("another name is resolved: %v", err)
	}
	if err := r.Lose(name); err != nil {
		t.Fatal(err)
	}
	for range 9 { // a resolver may ask again
		if got, err := ask(name + "."); err == nil {
			t.Errorf("a lost name is %q", got)
		}
		if len(r.Failed(name)) == int(failures) {
			break
		}
	}
	if all := r.Failed(name); len(all) != int(failures) {
		t.Errorf("questions failed by %v", all)
	}
	if got, err := ask("other" + Domain + "."); err != nil {
		t.Errorf("a name that is not lost is %q, %v", got, err)
	}
	if err := r.Lose(); err != nil {
		t.Fatal(err)
	}
	if got, err := ask(name + "."); err != nil {
		t.Errorf("it is %q, %v", got, err)
	}
}

func notFound(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound
}

func TestNamesGoFromTheFileOfHosts(t *testing.T) {
	r := &Resolver{hosts: filepath.Join(t.TempDir(), "hosts"), names: []string{"a" + Domain, "b" + Domain}}
	for _, lost := range []string{"", "a" + Domain, ""} {
		if err := r.Lose(lost); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(r.hosts)
		if err != nil || strings.Contains(string(b), "127.0.0.1 a.load.test\n") != (lost == "") || !strings.Contains(string(b), "127.0.0.1 b.load.test\n") {
			t.Errorf("%q is lost: %q, %v", lost, b, err)
		}
	}
}

func TestWhatIsNoQuestionIsNotAnswered(t *testing.T) {
	r := &Resolver{}
	for _, b := range []string{"", "short", strings.Repeat("\x00", 12), strings.Repeat("\x00", 12) + "\x3fshort", strings.Repeat("\x00", 12) + "\xff"} {
		if got := r.answer([]byte(b)); got != nil {
			t.Errorf("%q is answered with %q", b, got)
		}
	}
}
