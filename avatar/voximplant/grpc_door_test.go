package voximplant

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
)

// counter counts connections.
type counter struct{ n atomic.Int64 }

func (c *counter) count(dial dialFunc) dialFunc {
	return func(ctx context.Context, address string) (net.Conn, error) {
		c.n.Add(1)
		return dial(ctx, address)
	}
}

// askOnce asks in a conversation and returns how that failed.
func (r *grpcRig) askOnce(t *testing.T, conversation string) *fault.Outcome {
	t.Helper()
	return fault.Of(r.b.Ask(t.Context(), grpcTurn(conversation, "canary", &avatartest.Ear{}), &avatartest.Ear{}))
}

func TestTokenThatIsRefusedIsRenewedOnce(t *testing.T) {
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{}, nil)
	for i, conversation := range []string{"c", "new", "c"} { // a stream that is open, and a new one
		if o := r.askOnce(t, conversation); o != nil {
			t.Fatalf("%d: %v", i, o)
		}
		r.sim.Revoke()
	}
	if o := r.askOnce(t, "c"); o != nil {
		t.Fatal(o)
	}
	if n := r.sim.Count(avatartest.GRPCLoginAsked); n != 4 {
		t.Errorf("%d logins, not 4", n)
	}
	r.sim.Break(avatartest.GRPCUtterance, -1, avatartest.GRPCStatus(codes.Unauthenticated, "canary"))
	if o := r.askOnce(t, "c"); o == nil || o.Kind != fault.Dead || !strings.Contains(o.Reason, "api_key") || strings.Contains(o.Error(), "canary") {
		t.Errorf("%v", o)
	}
	if n := r.sim.Count(avatartest.GRPCLoginAsked); n != 5 {
		t.Errorf("%d logins, not 5", n)
	}
}

func TestTokenIsRenewedBeforeItEnds(t *testing.T) {
	c := newClock()
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{Life: 10 * time.Minute, Now: c.Now}, nil)
	r.g.door.now = c.Now
	for i, want := range []int{1, 1, 2} {
		if o := r.askOnce(t, string(rune('a'+i))); o != nil {
			t.Fatal(o)
		}
		if n := r.sim.Count(avatartest.GRPCLoginAsked); n != want {
			t.Errorf("%d logins, want %d", n, want)
		}
		c.add(5 * time.Minute)
	}
}

func TestStatusOfTheServiceSaysWhatToDo(t *testing.T) {
	for code, want := range map[codes.Code]fault.Kind{
		codes.Canceled: fault.Retry, codes.Unknown: fault.Retry, codes.InvalidArgument: fault.Dead, codes.DeadlineExceeded: fault.Retry, codes.NotFound: fault.Dead,
		codes.AlreadyExists: fault.Retry, codes.PermissionDenied: fault.Dead, codes.ResourceExhausted: fault.Throttled, codes.FailedPrecondition: fault.Retry,
		codes.Aborted: fault.Retry, codes.OutOfRange: fault.Retry, codes.Unimplemented: fault.Dead, codes.Internal: fault.Retry, codes.Unavailable: fault.Retry,
		codes.DataLoss: fault.Retry, codes.Unauthenticated: fault.Dead, 99: fault.Retry,
	} {
		for _, at := range []avatartest.Step{avatartest.GRPCLoginAsked, avatartest.GRPCUtterance} {
			r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{}, nil)
			r.sim.Break(at, -1, avatartest.GRPCStatus(code, "canary"))
			o := r.askOnce(t, "c")
			switch {
			case o == nil || o.Kind != want || strings.Contains(o.Error(), "canary"):
				t.Errorf("%s when %s: %v", code, at, o)
			case o.Kind == fault.Dead && o.Reason == "":
				t.Errorf("%s when %s is dead without a reason", code, at)
			case o.Kind == fault.Throttled && (o.Scope != fault.Avatar || o.After != exhaustedPause):
				t.Errorf("%s when %s: scope %v for %v", code, at, o.Scope, o.After)
			}
		}
	}
}

func TestDocumentedLimitOfRequestsPausesTheAvatarUntilTheMinuteIsOver(t *testing.T) {
	c := newClock()
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{PerMinute: 2, Now: c.Now}, nil)
	if o := r.askOnce(t, "c"); o != nil {
		t.Fatal(o)
	}
	c.add(20 * time.Second)
	if o := r.askOnce(t, "c"); o == nil || o.Kind != fault.Throttled || o.After != 40*time.Second {
		t.Fatalf("%v", o)
	}
	c.add(40 * time.Second)
	if o := r.askOnce(t, "c"); o != nil {
		t.Error(o)
	}
}

func TestConnectionsThatOthersUsePauseTheAvatar(t *testing.T) {
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{MaxStreams: 1}, nil)
	if o := r.askOnce(t, "c"); o != nil {
		t.Fatal(o)
	}
	if o := r.askOnce(t, "d"); o == nil || o.Kind != fault.Throttled || o.Scope != fault.Avatar {
		t.Errorf("%v", o)
	}
}

func TestHugeReplyIsNotTaken(t *testing.T) {
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{Answer: script(avatartest.GRPCReply{Text: strings.Repeat("canary", maxMessage)})}, nil)
	if o := r.askOnce(t, "c"); o == nil || o.Kind != fault.Dead || !strings.Contains(o.Reason, "1 MiB") {
		t.Errorf("%v", o)
	}
}

var errRefusal = fault.Kill("the host is no public address: set allow_private = true", nil)

func TestAddressThatMustNotBeUsedIsNotConnectedTo(t *testing.T) {
	refuse := func(context.Context, string) (net.Conn, error) { return nil, errRefusal }
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{TLS: true}, func(c *Config) { c.AllowPrivate, c.Dial = false, refuse })
	if o := r.askOnce(t, "c"); o == nil || o.Kind != fault.Dead || !strings.Contains(o.Reason, "allow_private") {
		t.Errorf("%v", o)
	}
	var dials counter
	r = newGRPCRig(t, avatartest.VoximplantGRPCConfig{}, func(c *Config) { c.AllowPrivate, c.Dial = false, dials.count(c.Dial) })
	if o := r.askOnce(t, "c"); o == nil || o.Kind != fault.Dead || !strings.Contains(o.Reason, "allow_private") || dials.n.Load() > 0 {
		t.Errorf("http: %v", o)
	}
}

func TestCertificateThatNobodyKnowsIsRefused(t *testing.T) {
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{TLS: true}, nil)
	r.g.door.trust.RootCAs = nil
	o := r.askOnce(t, "c")
	if o == nil || o.Kind != fault.Retry || !strings.Contains(o.Error(), "certificate") {
		t.Errorf("%v", o)
	}
	if r.sim.Count(avatartest.GRPCLoginAsked) > 0 {
		t.Error("the session was told all the same")
	}
}

func TestNextAddressIsTriedWhenOneCannotBeReached(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{Addresses: func(own string) []string {
		return []string{"http://" + gone.Addr().String() + "/", own}
	}}, nil)
	if o := r.askOnce(t, "c"); o == nil || o.Kind != fault.Retry || !strings.Contains(o.Error(), "refused") {
		t.Errorf("at the first: %v", o)
	}
	if o := r.askOnce(t, "c"); o != nil {
		t.Errorf("at the second: %v", o)
	}
	if n := len(r.g.door.links); n != 1 {
		t.Errorf("%d connections are kept", n)
	}
}

func TestServiceThatMovesIsFoundAgainAndItsOldConnectionClosed(t *testing.T) {
	other, err := avatartest.NewVoximplantGRPC(avatartest.VoximplantGRPCConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var moved atomic.Bool
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{Addresses: func(own string) []string {
		if moved.Load() {
			return []string{own}
		}
		return []string{other.URL()}
	}}, nil)
	other.Break(avatartest.GRPCLoginAsked, -1, avatartest.GRPCStatus(codes.Internal, ""))
	if o := r.askOnce(t, "c"); o == nil || o.Kind != fault.Retry {
		t.Fatalf("%v", o)
	}
	moved.Store(true)
	if o := r.askOnce(t, "c"); o != nil {
		t.Fatal(o)
	}
	if _, kept := r.g.door.links[linkKey(strings.TrimPrefix(other.URL(), "http://"), true)]; kept || len(r.g.door.links) != 1 {
		t.Errorf("%d links are kept", len(r.g.door.links))
	}
}

func TestTransportWithoutAWayToConnectIsRefused(t *testing.T) {
	if _, err := newGRPC(Default(), nil, nil, nil); !errors.Is(err, errNoDial) {
		t.Errorf("%v", err)
	}
}

func TestAddressesLeadToTheirPort(t *testing.T) {
	for in, want := range map[string]string{
		"https://nlu.example.com": "nlu.example.com:443", "https://nlu.example.com:8443/x": "nlu.example.com:8443", "http://nlu.example.com": "nlu.example.com:80",
		"https://[2001:db8::1]": "[2001:db8::1]:443",
	} {
		if got, plain, err := linkAddress(in, true); err != nil || got != want || plain != strings.HasPrefix(in, "http:") {
			t.Errorf("%s leads to %s, %v, %v", in, got, plain, err)
		}
	}
	for _, in := range []string{"", "ftp://x", "https://", "https://u:p@x", "https://x?q"} {
		if got, _, err := linkAddress(in, true); err == nil {
			t.Errorf("%s leads to %s", in, got)
		}
	}
}

func TestServiceThatIsDownIsNotAskedOnceForEachConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		d := &door{now: time.Now, busy: make(chan struct{}, 1)} // without an api: a login of their own would panic
		d.busy <- struct{}{}
		errs := make(chan error)
		for range 50 {
			go func() {
				_, err := d.enter(t.Context(), "")
				errs <- err
			}()
		}
		synctest.Wait() // all wait for the one who logs in
		d.mu.Lock()
		d.bad = failure{1, down}
		d.mu.Unlock()
		<-d.busy
		for range 50 {
			if err := <-errs; !errors.Is(err, down) {
				t.Errorf("%v", err)
			}
		}
	})
}
