package virtuals

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
)

func TestPeopleNeverShareAToken(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, nil)
	for range 2 {
		r.ask(t, "u-1", "I am one")
		r.ask(t, "u-2", "I am two")
	}
	r.wantCounts(t, map[avatartest.Step]int{avatartest.TokenAsked: 2})
	if got := fmt.Sprint(r.sim.Memory("1", "u-1"), r.sim.Memory("1", "u-2")); got != "[I am one I am one] [I am two I am two]" {
		t.Error(got)
	}
	if err := r.b.Ask(t.Context(), turn("", "Hello"), &avatartest.Ear{}); fault.Of(err) == nil || fault.Of(err).Kind != fault.Dead {
		t.Errorf("a turn without a memory uid: %v", err)
	}
}

func TestTokenIsAskedOnceByManyAtATime(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, nil)
	r.askAll(t, 20, func(int) string { return "u-1" })
	r.wantCounts(t, map[avatartest.Step]int{avatartest.TokenAsked: 1, avatartest.PromptAnswered: 20})
	r.sim.Revoke("u-1")
	r.askAll(t, 20, func(int) string { return "u-1" })
	r.wantCounts(t, map[avatartest.Step]int{avatartest.TokenAsked: 2, avatartest.PromptAnswered: 40})
}

func TestTokenIsRenewedBeforeItEnds(t *testing.T) {
	for _, c := range []struct{ life, kept time.Duration }{
		{time.Hour, 59 * time.Minute},
		{20 * time.Second, 15 * time.Second},
		{1000 * time.Hour, maxAge - renewEarly},
	} {
		r := newRig(t, avatartest.VirtualsConfig{Lifetime: c.life}, nil)
		r.ask(t, "u-1", "Hello")
		r.pass(c.kept - 3*time.Second)
		r.ask(t, "u-1", "Hello")
		r.wantCounts(t, map[avatartest.Step]int{avatartest.TokenAsked: 1})
		r.pass(4 * time.Second)
		r.ask(t, "u-1", "Hello")
		r.wantCounts(t, map[avatartest.Step]int{avatartest.TokenAsked: 2, avatartest.TokenRefused: 0})
	}
}

func TestTokenWithoutAnEndIsUsedOnce(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, nil)
	r.sim.Break(avatartest.TokenAsked, -1, avatartest.WithoutExp())
	r.ask(t, "u-1", "Hello")
	r.ask(t, "u-1", "Hello")
	r.wantCounts(t, map[avatartest.Step]int{avatartest.TokenAsked: 2})
}

func TestRevokedTokenIsRenewedAndThePromptTakesEffectOnce(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, nil)
	r.ask(t, "u-1", "one")
	r.sim.Revoke("")
	r.ask(t, "u-1", "two")
	r.wantCounts(t, map[avatartest.Step]int{avatartest.TokenAsked: 2, avatartest.TokenRefused: 1})
	if got := fmt.Sprint(r.sim.Memory("1", "u-1")); got != "[one two]" {
		t.Error(got)
	}
}

func TestRefusedTokenIsNotKeptWhenItsRenewalFails(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, nil)
	r.ask(t, "u-1", "one")
	r.sim.Revoke("")
	r.sim.Break(avatartest.TokenAsked, 1, avatartest.Broken(500))
	if o := fault.Of(r.b.Ask(t.Context(), turn("u-1", "two"), &avatartest.Ear{})); o == nil || o.Kind != fault.Retry {
		t.Errorf("%v", o)
	}
	r.ask(t, "u-1", "two")
	r.wantCounts(t, map[avatartest.Step]int{avatartest.TokenAsked: 3, avatartest.TokenRefused: 1})
}

func TestVoiceAloneIsRepeatedWithANewTokenToo(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, func(c *Config) { c.VirtualID = "3" })
	r.sim.Break(avatartest.TokenAsked, 1, avatartest.Expired())
	if got := r.ask(t, "u-1", "Hello"); got.Audio.URL == "" {
		t.Errorf("%+v", got)
	}
	r.wantCounts(t, map[avatartest.Step]int{avatartest.TokenAsked: 2, avatartest.VoiceAnswered: 1, avatartest.PromptReceived: 0})
}

func TestNewTokenThatIsRefusedTooNamesTheKeysToCheck(t *testing.T) {
	for _, status := range []int{401, 403} {
		r := newRig(t, avatartest.VirtualsConfig{}, nil)
		r.sim.Break(avatartest.PromptReceived, -1, avatartest.Refused(status))
		err := r.b.Ask(t.Context(), turn("u-1", "Hello"), &avatartest.Ear{})
		wantDead(t, err, "api_key", "api_secret", "virtual_id")
		r.wantCounts(t, map[avatartest.Step]int{avatartest.TokenAsked: 2, avatartest.PromptReceived: 2})
	}
}

func wantDead(t *testing.T, err error, words ...string) {
	t.Helper()
	o := fault.Of(err)
	if o == nil || o.Kind != fault.Dead {
		t.Fatalf("%v, want a dead outcome", err)
	}
	for _, w := range words {
		if !strings.Contains(o.Reason, w) {
			t.Errorf("the reason %q does not name %s", o.Reason, w)
		}
	}
}

func signed(t testing.TB, claims map[string]any) string {
	t.Helper()
	s, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims)).SignedString([]byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRunnerIsReadWhereverItStands(t *testing.T) {
	for _, claims := range []map[string]any{
		{"runner": "https://runner.example.com/"},
		{"runner": "https://runner.example.com///", "exp": "soon"},
		{"metadata": map[string]any{"runner": " https://runner.example.com"}},
	} {
		u, exp, err := readClaims(signed(t, claims))
		if err != nil || u.String() != "https://runner.example.com" || !exp.IsZero() {
			t.Errorf("%v: %v %v %v", claims, u, exp, err)
		}
	}
}

func TestTokenThatNamesNoRunnerIsNoToken(t *testing.T) {
	for _, runner := range []any{nil, "", "runner.example.com", "/runner", "ftp://runner.example.com", "https://", "https://user:pass@runner.example.com", "https://[::1", 7, []string{"https://x.example"}} {
		if u, _, err := readClaims(signed(t, map[string]any{"runner": runner})); err == nil {
			t.Errorf("%v gave %v", runner, u)
		}
	}
	for _, raw := range []string{"", "a.b", "a.b.c", "a.b.c.d", signed(t, nil) + "\nX: y", strings.Repeat("a", 20<<10)} {
		if _, _, err := readClaims(raw); err == nil {
			t.Errorf("%.30q is no token", raw)
		}
	}
}

func TestSigningAlgorithmDoesNotMatter(t *testing.T) {
	const odd = "eyJhbGciOiJFUzI1NksifQ.eyJydW5uZXIiOiJodHRwczovL3IuZXhhbXBsZSJ9.c2ln" // ES256K, which the library does not have
	if u, _, err := readClaims(odd); err != nil || u.Host != "r.example" {
		t.Errorf("%v %v", u, err)
	}
}

func TestEndOfATokenIsReadLeniently(t *testing.T) {
	for in, want := range map[any]int64{float64(1700000000): 1700000000, "1700000000": 1700000000, 1.7000000005e9: 1700000000, 1e300: 1 << 40, float64(-5): 0, "soon": 0, true: 0, nil: 0} {
		got := expiry(in)
		if want == 0 && !got.IsZero() || want != 0 && got.Unix() != want {
			t.Errorf("%v: %v", in, got)
		}
	}
}

func TestVirtualIDIsANumberOnlyIfItStaysTheSame(t *testing.T) {
	for id, want := range map[string]string{"1": "1", "0": "0", "123456789012345": "123456789012345", "007": `"007"`, "1234567890123456": `"1234567890123456"`, "-1": `"-1"`, "1e3": `"1e3"`, "luna": `"luna"`} {
		if got, err := json.Marshal(virtualID(id)); err != nil || string(got) != want {
			t.Errorf("%s is sent as %s (%v)", id, got, err)
		}
	}
}

func FuzzReadClaims(f *testing.F) {
	f.Add(signed(f, map[string]any{"runner": "https://r.example", "exp": 1.7e9}))
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, raw string) {
		u, _, err := readClaims(raw)
		if err == nil && (u.Hostname() == "" || u.User != nil || strings.HasSuffix(u.Path, "/")) {
			t.Errorf("runner %v", u)
		}
		if err != nil && len(raw) > 10 && strings.Contains(err.Error(), raw) {
			t.Error("the error shows the token")
		}
	})
}
