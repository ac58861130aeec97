package guard

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"code.dny.dev/ssrf"
)

func TestDialReachesAPublicAddressAndRefusesOthers(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, open, _ := net.SplitHostPort(ln.Addr().String())
	_, closed, _ := net.SplitHostPort(bystander(t))
	d := dialer()
	d.Resolver = names(t, map[string]string{"public.example.com": "127.0.0.2", "inside.example.com": "127.0.0.1"})
	public := ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(netip.MustParsePrefix("127.0.0.2/32")))
	connect := dial(d, false, public)
	c, err := connect(t.Context(), "public.example.com:"+open)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	for _, address := range []string{"inside.example.com:" + closed, "127.0.0.1:" + closed, "localhost:" + closed, "[::1]:" + closed, "2130706433:" + closed} {
		_, err := connect(t.Context(), address)
		wantRefusal(t, err)
	}
}

func TestDialThatTheProgramUsesRefusesTheMachine(t *testing.T) {
	address := bystander(t)
	_, err := Dial(false)(t.Context(), address)
	wantRefusal(t, err)
	c, err := Dial(true)(t.Context(), address)
	if err != nil {
		t.Fatalf("with allow_private: %v", err)
	}
	c.Close()
}

func TestDialEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Dial(true)(ctx, bystander(t)); err == nil {
		t.Error("connected although ctx was over")
	}
}

func TestDialWantsAHostAndAPort(t *testing.T) {
	for _, address := range []string{"", "example.com", "a:b:c"} {
		if _, err := Dial(true)(t.Context(), address); err == nil {
			t.Errorf("%q was connected to", address)
		}
	}
}
