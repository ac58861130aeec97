package avatartest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar"
)

func tinyHarness(f flaw) Harness {
	return Harness{TurnIDs: true, Drafts: true, New: func(t *testing.T) Subject {
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

// flaws says which check has to find a flaw, and a part of what it says.
var flaws = []struct {
	flaw         flaw
	check, finds string
	hangs        bool // the flaw is that nothing happens
}{
	{"ignores ctx", "a cancelled ask returns", "no return from Ask after ctx ended", true},
	{"one at a time", "a stalled conversation holds up no other", "while another conversation is stalled", true},
	{"trims the text", "a text arrives as it is", "is not the one to", false},
	{"greets everybody as Ann", "a name arrives as it is", "the service heard somebody called", false},
	{"one memory for all", "two people have two memories and each keeps theirs", "two people share the memory", false},
	{"a memory a conversation", "two people have two memories and each keeps theirs", "one person has two memories", false},
	{"leaves a goroutine", "a turn is answered with its reply", "goroutines outlive the service", false},
	{"says it twice", "a turn is answered with its reply", "2 replies to one turn", false},
	{"mixes people up", "turns in parallel get their own replies", "is not the one to", false},
	{"tries again by itself", "a broken service is to be tried again", "only the relay repeats", false},
	{"apologises", "a broken service is to be tried again", "something was said", false},
	{"gives up on status 500", "a broken service is to be tried again", "classified as dead, not retry", false},
	{"gives up on a cut connection", "a broken service is to be tried again", "classified as dead, not retry", false},
	{"never recovers", "the next turn after a failure is answered", "asking a healthy avatar", false},
	{"swallows the error of Say", "a reply that cannot be stored fails the turn", "the reply is lost", false},
	{"a new id for each attempt", "a repeated turn carries the same id", "when it was repeated", false},
	{"one id for all turns", "a repeated turn carries the same id", "is not the one to", false},
	{"repeats what was refused", "refused credentials are dead, with a reason", "not dead", false},
	{"dies without a reason", "refused credentials are dead, with a reason", "dead without a reason", false},
	{"ignores Retry-After", "a throttle binds the avatar for the time it names", "the service asked for 7s", false},
	{"throttles one conversation", "a throttle binds the avatar for the time it names", "with scope 0", false},
	{"throttles for no time", "a throttle binds the avatar for the time it names", "the pause is 0s", false},
	{"takes anything for a reply", "an answer that makes no sense is no success", "counts as a success", false},
	{"reads to the end", "an endless answer is not read to its end", "counts as a success", false},
	{"follows redirects", "a redirect is not followed", "went to another host", false},
	{"quotes the answer", "errors tell no secret and nobody's words", "tells", false},
	{"tells its secret when it cannot connect", "a service that cannot be reached is to be tried again", "tells", false},
	{"tells the text when it cannot connect", "a service that cannot be reached is to be tried again", "tells", false},
	{"tells the URL when it cannot connect", "a service that cannot be reached is to be tried again", "tells", false},
	{"keeps the callback to itself", "a later reply reaches its conversation", "was told the callback", false},
	{"no key", "a callback is said, with a key that its repeat has too", "have the keys", false},
	{"one key for all", "a callback is said, with a key that its repeat has too", "two replies have the key", false},
	{"answers before it is stored", "a callback is answered only after its reply is stored", "answered before Say returned: true", false},
	{"answers 200 whatever happens", "a callback that cannot be stored is answered 503", "answered 200, not 503", false},
	{"knows no ended conversation", "a callback to an ended conversation is answered 404", "answered 503, not 404", false},
	{"takes a callback of any size", "a callback of 5 MB is answered 413", "it was said", false},
	{"says a callback without sense", "a callback that makes no sense is refused", "it was said", false},
	{"takes a forged callback", "a forged callback is answered 401", "it was said", false},
	{"takes a callback of any age", "an old callback is answered 401", "it was said", false},
	{"shows nothing", "a reply is shown while it comes", "shown in 0 steps", false},
	{"shows what was added alone", "a reply is shown while it comes", "does not go on from", false},
	{"shows another text", "a turn is answered with its reply", "is no beginning of the reply", false},
	{"shows more after it has said it", "a turn is answered with its reply", "came after the reply", false},
	{"shows more after Ask has returned", "a reply is shown while it comes", "after Ask had returned", false},
	{"shows its secret when it fails", "a broken service is to be tried again", "tells", false},
	{"takes an unsigned callback", "an unsigned callback is answered 401", "it was said", false},
}

func TestEachFlawIsFound(t *testing.T) {
	checks := make(map[string]check)
	for _, c := range checksFor(t, tinyHarness("")) {
		checks[c.name] = c
	}
	for _, f := range flaws {
		t.Run(string(f.flaw), func(t *testing.T) {
			c, ok := checks[f.check]
			if !ok {
				t.Fatalf("no check is called %q", f.check)
			}
			h := tinyHarness(f.flaw)
			if f.hangs {
				h.patience = time.Second // spent in full
			}
			if err := c.try(t, h); err == nil || !strings.Contains(err.Error(), f.finds) {
				t.Errorf("%q must say %q: %v", f.check, f.finds, err)
			}
		})
	}
}

func TestOfAWireWithoutNamesOnlyNamesAndMemoriesAreNotAsked(t *testing.T) {
	names := func(h Harness) (all []string) {
		for _, c := range checksFor(t, h) {
			all = append(all, c.name)
		}
		return all
	}
	h := tinyHarness("")
	all := names(h)
	h.Nameless = true
	some := names(h)
	left := slices.DeleteFunc(all, func(name string) bool { return slices.Contains(some, name) })
	if want := []string{"a name arrives as it is", "two people have two memories and each keeps theirs"}; !slices.Equal(left, want) {
		t.Errorf("%q are not asked, want %q", left, want)
	}
}

func TestASilentLocalBackendIsFound(t *testing.T) {
	h := Harness{Local: true, patience: time.Second / 10, New: func(*testing.T) Subject { return Subject{Backend: local{silent: true}} }}
	if err := (check{"", oneReply}).try(t, h); err == nil {
		t.Error("it passes")
	}
}
