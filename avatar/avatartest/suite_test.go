package avatartest

import (
	"context"
	"testing"

	"avatarbridge/avatar"
)

func tinyHarness(f flaw) Harness {
	return Harness{TurnIDs: true, New: func(t *testing.T) Subject {
		w, err := NewWebhook(WebhookConfig{})
		if err != nil {
			t.Fatal(err)
		}
		b := newTiny(w, f)
		t.Cleanup(b.http.CloseIdleConnections)
		return Subject{Backend: tinyListener{b}, Service: w, Secrets: []string{b.secret()}}
	}}
}

func TestARightBackendPasses(t *testing.T) {
	Run(t, tinyHarness(""))
}

// local is a backend without a service.
type local struct{ silent bool }

func (l local) Ask(ctx context.Context, t avatar.Turn, say avatar.Speaker) error {
	if l.silent {
		return nil
	}
	return say.Say(ctx, avatar.Reply{Text: "Indeed: " + t.Text})
}

func TestALocalBackendPasses(t *testing.T) {
	Run(t, Harness{Local: true, New: func(*testing.T) Subject { return Subject{Backend: local{}} }})
}

// flaws says which check has to find a flaw.
var flaws = map[flaw]string{
	"ignores ctx":                             "a cancelled ask returns",
	"one at a time":                           "a stalled conversation holds up no other",
	"trims the text":                          "text and name arrive as they are",
	"one memory for all":                      "two people have two memories and each keeps theirs",
	"a memory a conversation":                 "two people have two memories and each keeps theirs",
	"leaves a goroutine":                      "a turn is answered with its reply",
	"says it twice":                           "a turn is answered with its reply",
	"mixes people up":                         "turns in parallel get their own replies",
	"tries again by itself":                   "a broken service is to be tried again",
	"apologises":                              "a broken service is to be tried again",
	"gives up on status 500":                  "a broken service is to be tried again",
	"gives up on a cut connection":            "a broken service is to be tried again",
	"never recovers":                          "the next turn after a failure is answered",
	"swallows the error of Say":               "a reply that cannot be stored fails the turn",
	"a new id for each attempt":               "a repeated turn carries the same id",
	"one id for all turns":                    "a repeated turn carries the same id",
	"repeats what was refused":                "refused credentials are dead, with a reason",
	"dies without a reason":                   "refused credentials are dead, with a reason",
	"ignores Retry-After":                     "a throttle binds the avatar for the time it names",
	"throttles one conversation":              "a throttle binds the avatar for the time it names",
	"throttles for no time":                   "a throttle binds the avatar for the time it names",
	"takes anything for a reply":              "an answer that makes no sense is no success",
	"reads to the end":                        "an endless answer is not read to its end",
	"follows redirects":                       "a redirect is not followed",
	"quotes the answer":                       "errors tell no secret and nobody's words",
	"tells its secret when it cannot connect": "a service that cannot be reached is to be tried again",
	"tells the text when it cannot connect":   "a service that cannot be reached is to be tried again",
	"no key":                                  "a callback is said, with a key that its repeat has too",
	"one key for all":                         "a callback is said, with a key that its repeat has too",
	"answers before it is stored":             "a callback is answered only after its reply is stored",
	"answers 200 whatever happens":            "a callback that cannot be stored is answered 503",
	"knows no ended conversation":             "a callback to an ended conversation is answered 410",
	"takes a callback of any size":            "a callback of 5 MB is answered 413",
	"says a callback without sense":           "a callback that makes no sense is refused",
	"takes a forged callback":                 "a forged callback is answered 401",
	"takes a callback of any age":             "an old callback is answered 401",
	"takes an unsigned callback":              "an unsigned callback is answered 401",
}

func TestEachFlawIsFound(t *testing.T) {
	checks := make(map[string]check)
	for _, c := range checksFor(t, tinyHarness("")) {
		checks[c.name] = c
	}
	for f, name := range flaws {
		t.Run(string(f), func(t *testing.T) {
			c, ok := checks[name]
			if !ok {
				t.Fatalf("no check is called %q", name)
			}
			err := c.try(t, tinyHarness(f))
			if err == nil {
				t.Fatalf("%q does not find it", name)
			}
			t.Logf("found: %.300v", err)
		})
	}
}

func TestASilentLocalBackendIsFound(t *testing.T) {
	h := Harness{Local: true, New: func(*testing.T) Subject { return Subject{Backend: local{silent: true}} }}
	if err := (check{"", oneReply}).try(t, h); err == nil {
		t.Error("it passes")
	}
}
