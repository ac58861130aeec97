package voximplant

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
)

// silent lets the avatar take utterances and say nothing.
func silent(avatartest.VoximplantUtterance) avatartest.VoximplantAnswer {
	return avatartest.VoximplantAnswer{}
}

func (r rig) ask(t *testing.T, text string) error {
	t.Helper()
	return r.b.Ask(t.Context(), avatar.Turn{
		ID: "turn-1", Conversation: "conversation-1", UserUID: "uid-1", UserName: "Ann", Locale: "en",
		Platform: "telegram", Bridge: "tg", Text: text, Callback: "http://127.0.0.1:9/avatars/concierge/callback/token",
	}, &avatartest.Ear{})
}

func (r rig) must(t *testing.T, text string) {
	t.Helper()
	if err := r.ask(t, text); err != nil {
		t.Fatal(err)
	}
}

func (r rig) counts(t *testing.T, logons, logins int) {
	t.Helper()
	if a, b := r.sim.Count(avatartest.LogonAsked), r.sim.Count(avatartest.LoginAsked); a != logons || b != logins {
		t.Errorf("%d logons and %d logins, want %d and %d", a, b, logons, logins)
	}
}

func TestOneLoginServesUntilShortlyBeforeItsEnd(t *testing.T) {
	r := newRig(t, avatartest.VoximplantConfig{Answer: silent, Lifetime: 10 * time.Minute}, nil)
	r.must(t, "one")
	r.now.add(9*time.Minute - 2*time.Second)
	r.must(t, "two")
	r.counts(t, 1, 1)
	r.now.add(2 * time.Second)
	r.must(t, "three")
	r.counts(t, 1, 2) // the addresses hold for an hour
	r.now.add(2 * time.Hour)
	r.must(t, "four")
	r.counts(t, 2, 3)
	if n := r.sim.Count(avatartest.TokenRefused); n > 0 {
		t.Errorf("%d tokens were refused: they were renewed too late", n)
	}
}

func TestATokenWithoutAnEndIsUsedForSomeMinutes(t *testing.T) {
	r := newRig(t, avatartest.VoximplantConfig{Answer: silent}, nil)
	r.sim.Break(avatartest.LoginAsked, 1, avatartest.WithoutExp())
	r.must(t, "one")
	r.now.add(defaultLife - time.Second)
	r.must(t, "two")
	r.counts(t, 1, 1)
	r.now.add(time.Second)
	r.must(t, "three")
	r.counts(t, 1, 2)
}

func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	r := newRig(t, avatartest.VoximplantConfig{Answer: silent}, nil)
	r.must(t, "one")
	r.sim.Revoke()
	r.must(t, "two")
	r.counts(t, 1, 2)
	if n := len(r.sim.Utterances()); n != 2 {
		t.Errorf("the avatar heard %d utterances, want 2", n)
	}
}

func TestManyConversationsShareOneLogin(t *testing.T) {
	r := newRig(t, avatartest.VoximplantConfig{Answer: silent}, nil)
	r.sim.Break(avatartest.LogonAsked, 1, avatartest.Slow(100*time.Millisecond))
	for range 2 {
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if err := r.ask(t, "hello"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		r.sim.Revoke()
	}
	if n := r.sim.Count(avatartest.LoginAsked); n > 2 {
		t.Errorf("%d logins for two tokens", n)
	}
}

func TestAnAddressThatIsDownIsPassedOver(t *testing.T) {
	r := newRig(t, avatartest.VoximplantConfig{Answer: silent, Addresses: 3}, nil)
	r.sim.Down(0)
	r.must(t, "one")
	r.client.CloseIdleConnections() // so that the next call has to connect
	r.sim.Down(1)
	r.must(t, "two") // surely not sent to the dead address, so it goes to another one at once
	r.must(t, "three")
	var at []int
	for _, u := range r.sim.Utterances() {
		at = append(at, u.Address)
	}
	if len(at) != 3 || at[0] != 1 || at[1] != 2 || at[2] != 2 {
		t.Errorf("the utterances went to the addresses %v", at)
	}
	r.sim.Down(2)
	if o := fault.Of(r.ask(t, "four")); o.Kind != fault.Retry {
		t.Errorf("with all addresses down: %v, %v", o.Kind, o)
	}
}

func TestAnAddressThatBreaksIsLeftForTheNextAttempt(t *testing.T) {
	r := newRig(t, avatartest.VoximplantConfig{Answer: silent, Addresses: 2}, nil)
	r.sim.Break(avatartest.UtteranceReceived, 1, avatartest.Broken(http.StatusBadGateway))
	if o := fault.Of(r.ask(t, "one")); o.Kind != fault.Retry {
		t.Fatalf("%v, %v", o.Kind, o)
	}
	if n := len(r.sim.Utterances()); n != 1 {
		t.Fatalf("the words were sent %d times in one attempt", n)
	}
	r.must(t, "one")
	if u := r.sim.Utterances(); u[1].Address != 1 {
		t.Errorf("the second attempt went to the address that had failed")
	}
	r.now.add(2 * time.Minute)
	r.must(t, "two")
}

// Whoever answers Logon may name any address: those that the client refuses are passed over, and only if there is no other is the turn dead.
func TestARefusedAddressIsPassedOverWhileThereIsAnother(t *testing.T) {
	r := newRig(t, avatartest.VoximplantConfig{Answer: silent}, nil)
	good := r.sim.Address(0)
	h := r.b.(hooked)
	h.transport.(*rest).doorman.client = refusing("metadata.internal", t)
	h.transport.(*rest).client = refusing("metadata.internal", t)
	r.sim.NameAddresses("https://metadata.internal/", good)
	r.must(t, "one")
	r.now.add(2 * time.Hour)
	r.sim.NameAddresses("https://metadata.internal/")
	if o := fault.Of(r.ask(t, "two")); o.Kind != fault.Dead || !strings.Contains(o.Reason, "allow_private") {
		t.Errorf("%v, %v", o.Kind, o)
	}
}

// refusing is a client that refuses one host as a guard does.
func refusing(host string, t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: tripper(func(req *http.Request) (*http.Response, error) {
		if req.URL.Hostname() == host {
			return nil, fault.Kill("its address is not public: set allow_private = true", nil)
		}
		return transport.RoundTrip(req)
	})}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestLogonErrorsThatComeWithStatus200AreClassified(t *testing.T) {
	for _, c := range []struct {
		body   string
		kind   fault.Kind
		reason string
	}{
		{`{"error":{"code":100,"msg":"Authorization failed"}}`, fault.Dead, "account_id and api_key"},
		{`{"error":{"code":101,"msg":"Invalid account_id"}}`, fault.Dead, "account_id and api_key"},
		{`{"error":{"msg":"Too many requests"}}`, fault.Throttled, ""},
		{`{"error":{"code":500,"msg":"internal error"}}`, fault.Retry, ""},
		{`{"result":"x","nlu_addresses":[]}`, fault.Retry, ""},
		{`{"result":"x","nlu_addresses":["ftp://x","",7,"https://u:p@h"]}`, fault.Retry, ""},
	} {
		r := newRig(t, avatartest.VoximplantConfig{}, nil)
		r.sim.Break(avatartest.LogonAsked, 1, avatartest.Answered(http.StatusOK, "application/json", c.body))
		o := fault.Of(r.ask(t, "hello"))
		if o.Kind != c.kind || !strings.Contains(o.Reason, c.reason) {
			t.Errorf("%s: %v, %v", c.body, o.Kind, o)
		}
	}
}

func TestAWrongKeyIsDeadAndNamesTheKeys(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"api_key":          func(c *Config) { c.APIKey = "wrong" },
		"subuser_password": func(c *Config) { c.APIKey, c.SubuserLogin, c.SubuserPassword = "", "robot", "wrong" },
	} {
		r := newRig(t, avatartest.VoximplantConfig{}, change)
		o := fault.Of(r.ask(t, "hello"))
		if o.Kind != fault.Dead || !strings.Contains(o.Reason, "account_id") || !strings.Contains(o.Reason, name) {
			t.Errorf("%s: %v, %v", name, o.Kind, o)
		}
	}
}

func TestASubuserLogsIn(t *testing.T) {
	r := newRig(t, avatartest.VoximplantConfig{Answer: silent}, func(c *Config) {
		c.APIKey, c.SubuserLogin, c.SubuserPassword = "", "robot", "vox-password-canary"
	})
	r.must(t, "hello")
}

func TestTheKeyStandsInNoURL(t *testing.T) {
	r := newRig(t, avatartest.VoximplantConfig{Answer: silent}, nil)
	r.must(t, "hello")
	if l := r.sim.Logons(); len(l) != 1 || l[0].InURL || !l[0].Accepted {
		t.Errorf("%+v", l)
	}
}

func TestALogonThatTakesNoPOSTGetsTheDocumentedGET(t *testing.T) {
	r := newRig(t, avatartest.VoximplantConfig{Answer: silent}, nil)
	r.sim.Break(avatartest.LogonAsked, 1, avatartest.Answered(http.StatusMethodNotAllowed, "text/plain", ""))
	r.must(t, "hello")
	if l := r.sim.Logons(); len(l) != 2 || l[1].Method != http.MethodGet || !l[1].Accepted {
		t.Errorf("%+v", l)
	}
}

func TestCustomDataIsAStringUnlessAnObjectIsWanted(t *testing.T) {
	for _, form := range []string{"string", "object"} {
		r := newRig(t, avatartest.VoximplantConfig{Answer: silent}, func(c *Config) {
			c.CustomData, c.Metadata = form, map[string]any{"shop": "north", "level": int64(3)}
		})
		r.must(t, "hello")
		u := r.sim.Utterances()[0]
		if u.AsObject != (form == "object") {
			t.Errorf("%s: sent as an object: %v", form, u.AsObject)
		}
		for k, v := range map[string]any{"platform": "telegram", "bridge": "tg", "userUid": "uid-1", "userName": "Ann", "locale": "en", "shop": "north", "level": 3.0} {
			if u.CustomData[k] != v {
				t.Errorf("%s: %s is %v, want %v", form, k, u.CustomData[k], v)
			}
		}
	}
}

func TestAConversationIsStoppedAndAnUnknownOneIsNoError(t *testing.T) {
	r := newRig(t, avatartest.VoximplantConfig{Answer: silent}, nil)
	r.must(t, "hello")
	end := r.b.(avatar.Ender).End
	for _, conversation := range []string{"conversation-1", "never heard of"} {
		if err := end(t.Context(), conversation); err != nil {
			t.Errorf("%s: %v", conversation, err)
		}
	}
	if n := r.sim.Live(); n != 0 {
		t.Errorf("%d conversations live on", n)
	}
	r.sim.Break(avatartest.StopReceived, 1, avatartest.Broken(500))
	if o := fault.Of(end(t.Context(), "conversation-1")); o == nil || o.Kind != fault.Retry {
		t.Errorf("a broken service: %v", o)
	}
}

// A name in a conversation's id must not lead to another path.
func TestIdsStayInTheirPlaceInThePath(t *testing.T) {
	r := newRig(t, avatartest.VoximplantConfig{Answer: silent}, nil)
	err := r.b.Ask(t.Context(), avatar.Turn{Conversation: "../x/stop?y#z", Text: "hello", Callback: "http://127.0.0.1:9/"}, &avatartest.Ear{})
	if err == nil {
		if u := r.sim.Utterances(); len(u) != 1 || u[0].Conversation != "../x/stop?y#z" {
			t.Errorf("the service heard %+v", u)
		}
	}
	if len(r.sim.Stops()) > 0 {
		t.Error("a conversation was stopped")
	}
}

func TestAnAnswerThatIsNotUnderstoodMeansTaken(t *testing.T) {
	for _, body := range []string{"", "ok", "{}", `{"error":null}`, `{"messageId":7}`} {
		r := newRig(t, avatartest.VoximplantConfig{}, nil)
		r.sim.Break(avatartest.UtteranceReceived, 1, avatartest.Answered(http.StatusAccepted, "text/plain", body))
		if err := r.ask(t, "hello"); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestOnlyAConnectionThatWasNeverMadeIsUnsent(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: errors.New("refused")}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&unreached{fault.NoAnswer("h", refused)}, true},
		{&unreached{fault.NoAnswer("h", &net.OpError{Op: "read", Err: errors.New("reset")})}, false},
		{&unreached{fault.NoAnswer("h", context.DeadlineExceeded)}, false},
		{&unreached{fault.Kill("not public", nil)}, true},
		{fault.Kill("refused", nil), false},
		{nil, false},
	} {
		if unsent(c.err) != c.want {
			t.Errorf("%v: unsent is %v", c.err, !c.want)
		}
	}
}
