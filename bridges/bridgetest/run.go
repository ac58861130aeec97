package bridgetest

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"avatarbridge/bridges"
)

const (
	patience = 45 * time.Second       // after which something that must happen has not happened
	moment   = 300 * time.Millisecond // for which something that must not happen is given the chance to
	promptly = 3 * time.Second        // within which Run must return
)

// canary is in every text that the tests write, and must be in no log and no error.
const canary = "canary-7f3a"

// Run tests that a bridge keeps the contract of bridges.Bridge.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for _, c := range []struct {
		name   string
		test   func(*trial)
		pushed bool // it also makes sense where the platform calls the bridge
		fed    bool // and where people come to pages of the bridge
	}{
		{"AnEventIsAcknowledgedOnlyAfterItWasStored", acknowledgesAfterStoring, true, true},
		{"AFailedBatchIsOfferedAgainWithTheSameKeys", offersAgain, true, true},
		{"AnEventThatWasNotStoredComesAgainAfterARestart", offersAgainAfterRestart, true, true},
		{"ARestartLosesAndInventsNothing", restartsInBetween, true, true},
		{"OrderHoldsWithinAChat", keepsOrder, true, true},
		{"APersonIsTheSameInEveryEvent", identifiesPeople, true, true},
		{"BotsAreFlagged", flagsBots, true, false},
		{"BadEventsDoNotStopTheFlow", survivesBadEvents, true, true},
		{"RunEndsPromptlyWhenIdle", endsWhenIdle, true, true},
		{"RunEndsPromptlyWhileReceiveFails", endsWhileFailing, true, true},
		{"RunEndsPromptlyWhileReceiveHangs", endsWhileHanging, true, true},
		{"RunEndsPromptlyWhileThePlatformIsAway", endsWhileOffline, false, false},
		{"ARefusedTokenEndsRun", refusesToken, true, false},
		{"ARefusedOpenEndsRun", refusesOpen, true, true},
		{"ALostConnectionIsToldAndComesBack", reconnects, false, false},
		{"AStartWithoutThePlatformIsToldAndComesGood", startsOffline, true, false},
		{"EveryPieceOfFitIsAccepted", fitsLimits, true, true},
		{"FitLosesNoText", fitLosesNothing, true, true},
		{"NothingToShowFitsIntoNothing", fitsNothing, true, true},
		{"SendPostsInTheRightPlace", sendsToPlace, true, false},
		{"SendIsSafeForSeveralGoroutines", sendsConcurrently, true, true},
		{"HowASendEnded", classifies, true, false},
		{"ARefusedFormHasAnotherThatIsAccepted", fallsBack, true, false},
		{"ARefusedConnectionIsARetry", classifiesOffline, true, false},
		{"TypingSaysHowLongItLasts", types, true, false},
	} {
		if (c.pushed || !h.Pushed) && (c.fed || !h.Fed) {
			t.Run(c.name, func(t *testing.T) { c.test(newTrial(t, h)) })
		}
	}
}

// trial is one test with its platform. What it runs is stopped, and its logs, errors and goroutines are checked, when it ends.
type trial struct {
	*testing.T
	Platform
	log    *slog.Logger
	logged *Log
	ctx    context.Context // ends after patience

	mu     sync.Mutex
	errors []error // all that the bridge has said, to be searched for secrets
}

func newTrial(t *testing.T, h Harness) *trial {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	tr := &trial{T: t, logged: &Log{}}
	tr.log = tr.logged.Logger()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	tr.ctx = ctx
	tr.Platform = h.Start(t)
	t.Cleanup(tr.findSecrets)
	return tr
}

// findSecrets fails when a secret or a text is where it must not be.
func (tr *trial) findSecrets() {
	logs := tr.logged.String()
	if strings.Contains(logs, canary) {
		tr.Errorf("a message body is in the log:\n%s", logs)
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, err := range tr.errors {
		if strings.Contains(err.Error(), canary) {
			tr.Errorf("a message body is in an error: %v", err)
		}
	}
	for _, s := range tr.Secrets() {
		if strings.Contains(logs, s) {
			tr.Errorf("a secret is in the log: %s", strings.ReplaceAll(logs, s, "SECRET"))
		}
		for _, err := range tr.errors {
			if strings.Contains(err.Error(), s) {
				tr.Errorf("a secret is in an error: %s", strings.ReplaceAll(err.Error(), s, "SECRET"))
			}
		}
	}
}

// noted keeps an error for findSecrets and returns it.
func (tr *trial) noted(err error) error {
	if err != nil {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		tr.errors = append(tr.errors, err)
	}
	return err
}

// must ends the test when waiting was in vain.
func (tr *trial) must(err error, what string) {
	tr.Helper()
	if err != nil {
		tr.Fatalf("%s: %v\nlog:\n%s", what, err, tr.logged)
	}
}

// running is a bridge whose Run was called.
type running struct {
	tr   *trial
	rx   *Receiver
	stop context.CancelFunc
	done chan struct{} // closed when Run has returned
	err  error         // of Run, after done
}

// run starts a bridge; it ends with the test at the latest.
func (tr *trial) run(b bridges.Bridge, rx *Receiver) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{tr: tr, rx: rx, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.err = b.Run(ctx, rx)
	}()
	tr.Cleanup(func() { r.end() })
	return r
}

// end stops the bridge and checks how it ends. It may be called again.
func (r *running) end() {
	r.tr.Helper()
	r.stop()
	select {
	case <-r.done:
	case <-time.After(promptly):
		r.tr.Fatalf("Run has not returned %v after its context ended", promptly)
	}
	for _, err := range append(r.rx.Healths(), r.err) {
		_ = r.tr.noted(err)
	}
}

// ended stops the bridge and expects nil.
func (r *running) ended() {
	r.tr.Helper()
	r.end()
	if r.err != nil {
		r.tr.Errorf("Run returned %v after its context ended, want nil", r.err)
	}
}

// write lets the person write a text with the canary in it and returns the text.
func (tr *trial) write(w Where, text string) string {
	text = canary + " " + text
	tr.Write(w, text)
	return text
}

// never fails when done becomes true within a moment.
func (tr *trial) never(done func() bool, what string) {
	tr.Helper()
	ctx, cancel := context.WithTimeout(tr.ctx, moment)
	defer cancel()
	if tr.WaitFor(ctx, done) == nil {
		tr.Error(what)
	}
}

// acknowledged waits until the platform has nothing left to deliver.
func (tr *trial) acknowledged() {
	tr.Helper()
	tr.must(tr.WaitFor(tr.ctx, func() bool { return tr.Unacknowledged() == 0 }), "waiting for acknowledgement")
}
