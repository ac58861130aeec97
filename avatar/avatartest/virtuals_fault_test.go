package avatartest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
)

func TestFaultsOfARunner(t *testing.T) {
	v, c := virtuals(t, avatartest.VirtualsConfig{}), client(t)
	jwt, runner := access(t, c, v, 1, "u")
	for _, f := range []struct {
		fault  avatartest.Fault
		status int
		body   string
	}{
		{avatartest.Slow(time.Millisecond), 200, "You said: hi"},
		{avatartest.Broken(503), 503, "internal"},
		{avatartest.Proxy(200), 200, "<!DOCTYPE html>"},
		{avatartest.TooMany(7 * time.Second), 429, "Too many"},
		{avatartest.ErrorString("no balance"), 200, `{"error":"no balance"}`},
		{avatartest.ErrorObject("no balance"), 200, `{"error":{"message":"no balance"}}`},
		{avatartest.EmptyObject(), 200, "{}"},
		{avatartest.EmptyBody(), 200, ""},
		{avatartest.Huge(1 << 20), 200, strings.Repeat("a", 1<<20)},
	} {
		v.Break(avatartest.PromptReceived, 1, f.fault)
		a := prompt(t, c, runner, jwt, "hi")
		if a.status != f.status || !strings.Contains(a.body, f.body) {
			t.Errorf("%s: %d %.80s", f.fault.Name, a.status, a.body)
		}
		if want := map[int]string{429: "7"}[a.status]; a.header.Get("Retry-After") != want {
			t.Errorf("%s: Retry-After %q", f.fault.Name, a.header.Get("Retry-After"))
		}
	}
	if n := len(v.Memory("1", "u")); n != 1 {
		t.Errorf("%d prompts took effect, not only the slow one", n)
	}
}

func TestAFaultCanMeetOnePersonAlone(t *testing.T) {
	v, c := virtuals(t, avatartest.VirtualsConfig{}), client(t)
	v.BreakFor(avatartest.PromptReceived, -1, avatartest.Broken(500), func(h avatartest.Heard) bool { return h.Memory == "1/a" })
	v.Break(avatartest.PromptReceived, 1, avatartest.Broken(503))
	for _, want := range []struct {
		uid    string
		status int
	}{{"b", 503}, {"a", 500}, {"b", 200}, {"a", 500}} {
		jwt, runner := access(t, c, v, 1, want.uid)
		if a := prompt(t, c, runner, jwt, "hi"); a.status != want.status {
			t.Errorf("%s: status %d, not %d", want.uid, a.status, want.status)
		}
	}
	v.Mend()
	jwt, runner := access(t, c, v, 1, "a")
	if a := prompt(t, c, runner, jwt, "hi"); a.status != 200 {
		t.Errorf("after Mend: status %d", a.status)
	}
}

func TestACutCallTookEffectOnlyWhenItIsCutLate(t *testing.T) {
	v, c := virtuals(t, avatartest.VirtualsConfig{}), client(t)
	jwt, runner := access(t, c, v, 1, "u")
	for i, f := range []avatartest.Fault{avatartest.Cut(), avatartest.Cut().Late()} {
		v.Break(avatartest.PromptReceived, 1, f)
		if a, err := do(t, c, "POST", runner+"/prompts", jwt, "application/json", `{"text":"hi"}`); err == nil {
			t.Errorf("%s: answered %d", f.Name, a.status)
		}
		if n := len(v.Memory("1", "u")); n != i {
			t.Errorf("%s: %d prompts remembered", f.Name, n)
		}
	}
	if n := v.Count(avatartest.PromptAnswered); n != 0 {
		t.Errorf("%d cut calls count as answered", n)
	}
}

func TestAStalledCallHoldsUpNoOtherAndEndsWithTheService(t *testing.T) {
	v, c := virtuals(t, avatartest.VirtualsConfig{}), client(t)
	jwt, runner := access(t, c, v, 1, "u")
	v.Break(avatartest.PromptReceived, 1, avatartest.Stalled())
	ended := make(chan error, 1)
	go func() {
		_, err := do(t, c, "POST", runner+"/prompts", jwt, "application/json", `{"text":"hi"}`)
		ended <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := v.Await(ctx, avatartest.PromptReceived, 1); err != nil {
		t.Fatal(err)
	}
	if a := prompt(t, c, runner, jwt, "second"); a.status != 200 {
		t.Errorf("the second call: %d", a.status)
	}
	v.Close()
	if err := <-ended; err == nil {
		t.Error("the stalled call was answered")
	}
}

func TestTheHookStandsBetweenTheSteps(t *testing.T) {
	v, c := virtuals(t, avatartest.VirtualsConfig{}), client(t)
	steps := make(chan string, 10)
	v.OnStep(func(s avatartest.Step, h avatartest.Heard) {
		steps <- fmt.Sprintf("%s/%s/%s/%d", s, h.Memory, h.Text, len(v.Memory("1", "u")))
	})
	next := func(want ...string) {
		t.Helper()
		for _, w := range want {
			if got := <-steps; got != w {
				t.Errorf("step %q, not %q", got, w)
			}
		}
	}
	jwt, runner := access(t, c, v, 1, "u")
	next("token asked/1/u//0", "token answered/1/u//0")
	prompt(t, c, runner, jwt, "hi")
	next("prompt received/1/u/hi/0", "prompt answered/1/u/hi/1")
}
