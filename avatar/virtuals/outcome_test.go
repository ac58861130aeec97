package virtuals

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
)

const jsonType = "application/json"

func TestEachWayToFailIsTold(t *testing.T) {
	type want struct {
		token, prompt fault.Kind
		reason        string // of what is dead
	}
	for _, c := range []struct {
		fault avatartest.Fault
		want  want
	}{
		{avatartest.EmptyObject(), want{fault.Retry, fault.Retry, ""}},
		{avatartest.EmptyBody(), want{fault.Retry, fault.Retry, ""}},
		{avatartest.Answered(200, jsonType, "null"), want{fault.Retry, fault.Retry, ""}},
		{avatartest.Answered(200, jsonType, `"hi"`), want{fault.Retry, fault.Retry, ""}},
		{avatartest.Answered(200, jsonType, `{"text":"`), want{fault.Retry, fault.Retry, ""}},
		{avatartest.Proxy(200), want{fault.Retry, fault.Retry, ""}},
		{avatartest.Proxy(502), want{fault.Retry, fault.Retry, ""}},
		{avatartest.Broken(500), want{fault.Retry, fault.Retry, ""}},
		{avatartest.Broken(503), want{fault.Retry, fault.Retry, ""}},
		{avatartest.Answered(408, jsonType, `{}`), want{fault.Retry, fault.Retry, ""}},
		{avatartest.Cut(), want{fault.Retry, fault.Retry, ""}},
		{avatartest.Huge(5 << 20), want{fault.Dead, fault.Dead, "1 MiB"}},
		{avatartest.Refused(401), want{fault.Dead, fault.Dead, "api_key"}},
		{avatartest.Refused(403), want{fault.Dead, fault.Dead, "api_secret"}},
		{avatartest.Proxy(403), want{fault.Dead, fault.Dead, "api_key"}},
		{avatartest.Answered(404, jsonType, `{"error":"not found"}`), want{fault.Dead, fault.Dead, "virtual_id"}},
		{avatartest.Answered(400, jsonType, `{"error":"bad"}`), want{fault.Dead, fault.Dead, "refused"}},
		{avatartest.Answered(413, "text/plain", "too large"), want{fault.Dead, fault.Dead, "refused"}},
		{avatartest.Answered(402, jsonType, `{}`), want{fault.Dead, fault.Dead, "balance"}},
		{avatartest.Answered(403, jsonType, `{"error":"Insufficient funds"}`), want{fault.Dead, fault.Dead, "balance"}},
		{avatartest.ErrorString("Insufficient balance"), want{fault.Dead, fault.Dead, "balance"}},
		{avatartest.ErrorObject("insufficient balance"), want{fault.Dead, fault.Dead, "balance"}},
		{avatartest.ErrorString("INSUFFICIENT_BALANCE"), want{fault.Dead, fault.Dead, "balance"}},
		{avatartest.ErrorString("your account balance is too low"), want{fault.Dead, fault.Dead, "balance"}},
		{avatartest.ErrorObject("Credits exhausted"), want{fault.Dead, fault.Dead, "balance"}},
		{avatartest.Answered(429, jsonType, `{"error":"balance used up"}`), want{fault.Dead, fault.Dead, "balance"}},
		{avatartest.TooMany(0), want{fault.Throttled, fault.Throttled, ""}},
		{avatartest.ErrorString("Too many requests"), want{fault.Throttled, fault.Throttled, ""}},
		{avatartest.ErrorString("Internal error"), want{fault.Retry, fault.Retry, ""}},
		{avatartest.ErrorObject("Request timed out"), want{fault.Retry, fault.Retry, ""}},
		{avatartest.ErrorString("Unauthorized"), want{fault.Dead, fault.Dead, "api_key"}},
		{avatartest.ErrorObject("Virtual not found"), want{fault.Dead, fault.Retry, "virtual_id"}},
		{avatartest.ErrorObject("Something odd"), want{fault.Dead, fault.Retry, "api_key"}},
		{avatartest.Answered(200, jsonType, `{"error":{"status":429,"message":"slow down"}}`), want{fault.Throttled, fault.Throttled, ""}},
		{avatartest.Answered(200, jsonType, `{"error":{"code":500}}`), want{fault.Retry, fault.Retry, ""}},
		{avatartest.Answered(200, jsonType, `{"error":{"code":"E_X","status":401},"text":"no"}`), want{fault.Dead, fault.Dead, "virtual_id"}},
	} {
		for step, kind := range map[avatartest.Step]fault.Kind{avatartest.TokenAsked: c.want.token, avatartest.PromptReceived: c.want.prompt} {
			t.Run(fmt.Sprint(c.fault.Name, " when ", step), func(t *testing.T) {
				r := newRig(t, avatartest.VirtualsConfig{}, nil)
				r.sim.Break(step, -1, c.fault)
				var ear avatartest.Ear
				err := r.b.Ask(t.Context(), turn("u-1", "Hello"), &ear)
				o := fault.Of(err)
				switch {
				case o == nil:
					t.Fatal("no error")
				case o.Kind != kind:
					t.Errorf("%v, want %v", o, kind)
				case kind == fault.Dead && !strings.Contains(o.Reason, c.want.reason):
					t.Errorf("the reason %q does not say %q", o.Reason, c.want.reason)
				case kind == fault.Throttled && (o.Scope != fault.Avatar || o.After != time.Second):
					t.Errorf("throttled in scope %v for %v", o.Scope, o.After)
				}
				if len(ear.Replies()) != 0 {
					t.Errorf("said %v", ear.Replies())
				}
			})
		}
	}
}

func TestOnlyWordsAboutMoneyAreABalanceThatIsUsedUp(t *testing.T) {
	for _, c := range []struct {
		status        int
		body          string
		token, runner fault.Kind
	}{
		{200, `{"error":"upstream load balancer error, try again"}`, fault.Retry, fault.Retry},
		{200, `{"error":"internal error: low load balancer health"}`, fault.Retry, fault.Retry},
		{408, `{"error":"insufficient balance"}`, fault.Retry, fault.Retry},
		{425, `{"error":"insufficient balance"}`, fault.Retry, fault.Retry},
		{429, `{"error":"insufficient capacity"}`, fault.Throttled, fault.Throttled},
		{403, `{"error":"insufficient scope"}`, fault.Dead, fault.Dead},
		{200, `{"error":"cannot balance the load"}`, fault.Dead, fault.Retry},
	} {
		a := &answer{status: c.status, body: []byte(c.body)}
		for call, want := range map[*call]fault.Kind{&tokenCall: c.token, &runnerCall: c.runner} {
			if o := fault.Of(a.outcome(*call, time.Now())); o.Kind != want || o.Reason == balance {
				t.Errorf("%s, HTTP %d %s: %v (%s), want %v", call.name, c.status, c.body, o.Kind, o.Reason, want)
			}
		}
	}
}

func TestPageOfAProxyThatFindsNothingIsNoMissingVirtual(t *testing.T) {
	for _, a := range []*answer{
		{status: 404, body: []byte("\n<html>404</html>")},
		{status: 404, body: []byte("not found"), header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}},
	} {
		if o := fault.Of(a.outcome(runnerCall, time.Now())); o.Kind != fault.Retry {
			t.Errorf("at the runner: %v", o)
		}
		wantDead(t, a.outcome(tokenCall, time.Now()), "api_url")
	}
	wantDead(t, (&answer{status: 404, body: []byte(`{"error":"no such Virtual"}`)}).outcome(runnerCall, time.Now()), "virtual_id")
}

func TestPauseLastsAsLongAsTheServiceAsks(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"30": 30 * time.Second, "0": time.Second, "1.5": 1500 * time.Millisecond,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:00:00 GMT": time.Second,
		"99999999999999999999": fault.MaxHold, "Fri, 02 Jan 2099 03:00:00 GMT": fault.MaxHold, "later": time.Second, "-3": time.Second, "NaN": time.Second, "": time.Second,
	} {
		a := &answer{status: 429, header: http.Header{"Retry-After": {in}}}
		if o := fault.Of(a.outcome(runnerCall, now)); o.Kind != fault.Throttled || o.After != want {
			t.Errorf("%q: %v for %v, want %v", in, o.Kind, o.After, want)
		}
	}
	a := &answer{status: 503, header: http.Header{"Retry-After": {"7"}}}
	if o := fault.Of(a.outcome(runnerCall, now)); o.Kind != fault.Throttled || o.After != 7*time.Second {
		t.Errorf("503 with Retry-After: %v for %v", o.Kind, o.After)
	}
}

func TestAnswerThatEndsEarlyIsTriedAgain(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"text":"Hi"}`)
	}))
	defer srv.Close()
	r := newRig(t, avatartest.VirtualsConfig{}, nil)
	r.sim.Break(avatartest.TokenAsked, -1, avatartest.WithRunner(srv.URL))
	err := r.b.Ask(t.Context(), turn("u-1", "Hello"), &avatartest.Ear{})
	if o := fault.Of(err); o == nil || o.Kind != fault.Retry || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}

// A service that quotes all it was told, whatever it is asked.
func TestErrorsShowNothingOfWhatTheServiceQuotes(t *testing.T) {
	for _, status := range []int{200, 307, 400, 401, 403, 404, 418, 429, 500} {
		var secrets []string
		quote := func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			secrets = append(secrets, r.Header.Get("Authorization"))
			w.Header().Set("Location", "/"+r.Header.Get("Authorization"))
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error":{"message":%q}}`, string(body)+r.Header.Get("Authorization"))
		}
		srv := httptest.NewServer(http.HandlerFunc(quote))
		r := newRig(t, avatartest.VirtualsConfig{}, nil)
		r.sim.Break(avatartest.TokenAsked, -1, avatartest.WithRunner(srv.URL))
		atRunner := r.b.Ask(t.Context(), turn("uid-canary", "text canary"), &avatartest.Ear{})
		r.b.apiURL, _ = base(srv.URL)
		atToken := r.b.Ask(t.Context(), turn("uid-canary-2", "text canary"), &avatartest.Ear{})
		srv.Close()
		secrets = append(append(secrets, r.sim.Secrets()...), "canary", "Ann")
		for _, err := range []error{atRunner, atToken} {
			for _, s := range secrets {
				if err == nil || s != "" && strings.Contains(err.Error(), s) {
					t.Errorf("status %d: the error %q shows %q", status, err, s)
				}
			}
		}
	}
}

func TestNothingFollowsARedirect(t *testing.T) {
	reached := 0
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	defer srv.Close()
	for step, kind := range map[avatartest.Step]fault.Kind{avatartest.TokenAsked: fault.Dead, avatartest.PromptReceived: fault.Retry, avatartest.CoresAsked: fault.Retry} {
		r := newRig(t, avatartest.VirtualsConfig{}, nil)
		r.sim.Break(step, -1, avatartest.Elsewhere(307, srv.URL+"/secret-path"))
		o := fault.Of(r.b.Ask(t.Context(), turn("u-1", "Hello"), &avatartest.Ear{}))
		if step == avatartest.CoresAsked {
			if o != nil {
				t.Errorf("%v: %v", step, o)
			}
		} else if o == nil || o.Kind != kind || strings.Contains(o.Error(), "secret-path") {
			t.Errorf("%v: %v", step, o)
		}
	}
	if reached != 0 {
		t.Errorf("the other address was reached %d times", reached)
	}
}

type refuser struct{}

func (refuser) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("guard: %w", fault.Kill("the runner is at a private address: set allow_private = true if it is yours", nil))
}

func TestRunnerThatTheGuardRefusesIsToldAsTheGuardSaysIt(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, nil)
	r.b.runner.Transport = refuser{}
	r.sim.Break(avatartest.TokenAsked, -1, avatartest.WithRunner("http://169.254.169.254/latest"))
	wantDead(t, r.b.Ask(t.Context(), turn("u-1", "Hello"), &avatartest.Ear{}), "allow_private")
}

func TestAskEndsWithItsContext(t *testing.T) {
	for _, step := range []avatartest.Step{avatartest.TokenAsked, avatartest.CoresAsked, avatartest.PromptReceived} {
		r := newRig(t, avatartest.VirtualsConfig{}, nil)
		r.sim.Break(step, -1, avatartest.Stalled())
		ctx, cancel := context.WithCancel(t.Context())
		r.sim.OnStep(func(at avatartest.Step, _ avatartest.Heard) {
			if at == step {
				cancel()
			}
		})
		err := r.b.Ask(ctx, turn("u-1", "Hello"), &avatartest.Ear{})
		if o := fault.Of(err); o == nil || o.Kind != fault.Retry || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", step, err)
		}
		cancel()
	}
}

func TestWhatTheSpeakerSaysIsReturned(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, nil)
	var ear avatartest.Ear
	full := errors.New("the disk is full")
	ear.Fail(full)
	if err := r.b.Ask(t.Context(), turn("u-1", "Hello"), &ear); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	r.wantCounts(t, map[avatartest.Step]int{avatartest.PromptReceived: 1})
}
