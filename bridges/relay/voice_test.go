package relay_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/relay"
)

// recorder is a relay.Media that notes what it is told to drop.
type recorder struct {
	silent
	mu      sync.Mutex
	dropped []string
	err     error
}

func (r *recorder) Drop(_ context.Context, ref string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropped = append(r.dropped, ref)
	return r.err
}

func (r *recorder) want(t *testing.T, refs ...string) {
	t.Helper()
	settle()
	r.mu.Lock()
	defer r.mu.Unlock()
	if fmt.Sprint(r.dropped) != fmt.Sprint(refs) {
		t.Errorf("dropped %q, want %q", r.dropped, refs)
	}
}

// inVoiceWorld runs a test with an avatar that hears "one", "two" and so on.
func inVoiceWorld(t *testing.T, change func(*relay.Config), test func(t *testing.T, w *world, b *pager, r *recorder)) {
	t.Helper()
	r := &recorder{}
	inPageWorld(t, func(c *relay.Config) {
		hears(c)
		c.Media = r
		if change != nil {
			change(c)
		}
	}, func(t *testing.T, w *world, b *pager) {
		for _, ref := range []string{"one", "two", "three"} {
			b.voice[ref] = &bridges.File{Data: []byte(ref)}
		}
		test(t, w, b, r)
	})
}

func TestWhatWasSaidGoesOnceItIsAnswered(t *testing.T) {
	inVoiceWorld(t, nil, func(t *testing.T, w *world, b *pager, r *recorder) {
		ev := spoken(b, "one")
		answer := make(chan struct{})
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			<-answer
			return say.Say(ctx, avatar.Reply{Text: "heard " + string(turn.Voice.Data)})
		})
		b.receive(t, ev)
		r.want(t)
		b.receive(t, ev) // the page has lost the answer, and sends it again: the turn still needs it
		r.want(t)
		close(answer)
		w.wantPosted("ann", "heard one")
		r.want(t, "one")
		b.receive(t, b.said("ann", "in writing"))
		r.want(t, "one")
	})
}

func TestWhatWasSaidStaysWhileItIsTriedAgainAndInADeadLetter(t *testing.T) {
	inVoiceWorld(t, func(c *relay.Config) { c.MaxAttempts = 2 }, func(t *testing.T, w *world, b *pager, r *recorder) {
		w.avatar.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error { return errDown })
		b.receive(t, spoken(b, "one"))
		r.want(t)
		time.Sleep(time.Minute)
		dead := w.dead()
		if r.want(t); len(dead) != 1 || relay.RecordingOf(dead[0].Body) != "one" {
			t.Fatalf("dead letters: %+v", dead)
		}
		w.avatar.onAsk(nil)
		if _, err := w.store.Retry(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		w.relay.Wake()
		r.want(t, "one")
	})
}

func TestWhatWasSaidAndNotUnderstoodGoes(t *testing.T) {
	inVoiceWorld(t, nil, func(t *testing.T, w *world, b *pager, r *recorder) {
		w.avatar.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error { return fault.Reject("mumble", nil) })
		b.receive(t, spoken(b, "one"))
		w.wantPosted("ann", "NOT HEARD")
		r.want(t, "one")
	})
}

func TestAPauseThatComesWhileAVoiceIsFetchedKeepsTheAvatarFromBeingAsked(t *testing.T) {
	inVoiceWorld(t, nil, func(t *testing.T, w *world, b *pager, r *recorder) {
		b.slow = make(chan struct{})
		b.receive(t, spoken(b, "one"))
		settle()
		if err := w.relay.Pause(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		close(b.slow)
		settle()
		if n := len(w.avatar.turns()); n > 0 {
			t.Fatalf("%d turns were asked in a pause", n)
		}
		if err := w.relay.Resume(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		settle()
		if n := len(w.avatar.turns()); n != 1 {
			t.Errorf("%d turns were asked after it", n)
		}
		r.want(t, "one")
	})
}

func TestAPersonWhoIsForgottenWhileTheirVoiceIsFetchedIsNotHeard(t *testing.T) {
	inVoiceWorld(t, nil, func(t *testing.T, w *world, b *pager, r *recorder) {
		b.slow = make(chan struct{})
		b.receive(t, spoken(b, "one"))
		settle()
		w.forget("ann")
		close(b.slow)
		settle()
		if n := len(w.avatar.turns()); n > 0 {
			t.Fatalf("%d turns were asked for somebody who was forgotten", n)
		}
		b.receive(t, b.said("ann", "once more"))
		w.wantPosted("ann", "re: once more")
	})
}

func TestAVoiceThatIsFetchedDuringAResetIsAskedInTheNewConversation(t *testing.T) {
	inVoiceWorld(t, nil, func(t *testing.T, w *world, b *pager, r *recorder) {
		b.receive(t, b.said("ann", "in writing"))
		settle()
		b.slow = make(chan struct{})
		b.receive(t, spoken(b, "one"))
		settle()
		reset := b.said("ann", "")
		reset.Kind, reset.Command = bridges.Command, "reset"
		b.receive(t, reset)
		close(b.slow)
		settle()
		turns := w.avatar.turns()
		if len(turns) != 2 || turns[1].Voice == nil || turns[0].Conversation == turns[1].Conversation {
			t.Errorf("asked %+v: the service was told that the first conversation is over", turns)
		}
		r.want(t, "one")
	})
}

func TestAVoiceIsAskedOnceTheStoreWorksAgain(t *testing.T) {
	inVoiceWorld(t, nil, func(t *testing.T, w *world, b *pager, r *recorder) {
		broken := &brokenStore{}
		w.broken = broken
		w.restart()
		broken.failCurrent.Store(2)
		b.receive(t, spoken(b, "one"))
		settle()
		if n := len(w.avatar.turns()); n > 0 {
			t.Errorf("%d turns were asked though nobody knows whether they may be", n)
		}
		time.Sleep(3 * time.Second)
		if n := len(w.avatar.turns()); n != 1 {
			t.Errorf("%d turns were asked", n)
		}
		r.want(t, "one")
	})
}

func TestARecordingOfWhichNoTurnCameGoesAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*relay.Config)
		event  func(ev *bridges.Event)
	}{
		"too old":      {event: func(ev *bridges.Event) { ev.At = ev.At.Add(-2 * time.Hour) }},
		"of a bot":     {event: func(ev *bridges.Event) { ev.From.Bot = true }},
		"not invited":  {change: func(c *relay.Config) { c.Bridges[0].Default.Deny = []string{"ann"} }},
		"over a limit": {change: func(c *relay.Config) { c.Bridges[0].Default.Limits.Avatar = []relay.Rate{{Max: 1, Every: time.Hour}} }},
		"not heard":    {change: func(c *relay.Config) { c.Avatars[0].Backend = c.Avatars[0].Backend.(hearer).fakeAvatar }},
	} {
		t.Run(name, func(t *testing.T) {
			inVoiceWorld(t, c.change, func(t *testing.T, w *world, b *pager, r *recorder) {
				ben := b.said("ben", "counts")
				b.receive(t, ben)
				settle()
				asked := len(w.avatar.turns())
				ev := spoken(b, "one")
				if c.event != nil {
					c.event(&ev)
				}
				b.receive(t, ev)
				if r.want(t, "one"); len(w.avatar.turns()) != asked {
					t.Error("the avatar was asked")
				}
			})
		})
	}
}

func TestARecordingForAFullLaneGoesAtOnce(t *testing.T) {
	inVoiceWorld(t, func(c *relay.Config) { c.MaxWaiting = 1 }, func(t *testing.T, w *world, b *pager, r *recorder) {
		answer := make(chan struct{})
		w.avatar.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error { <-answer; return nil })
		b.receive(t, spoken(b, "one"))
		settle()
		b.receive(t, spoken(b, "two"))
		r.want(t, "two")
		close(answer)
		r.want(t, "two", "one")
	})
}

func TestAWaitingRecordingStaysWhenItsLateRepeatIsTooOld(t *testing.T) {
	inVoiceWorld(t, nil, func(t *testing.T, w *world, b *pager, r *recorder) {
		if err := w.relay.Pause(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		ev := spoken(b, "one")
		b.receive(t, ev)
		time.Sleep(2 * time.Hour)
		b.receive(t, ev)
		r.want(t)
	})
}

// A batch that is not stored comes again: the bridge decides what becomes of what it kept for it.
func TestARecordingStaysWhenItsBatchIsNotStored(t *testing.T) {
	inVoiceWorld(t, nil, func(t *testing.T, w *world, b *pager, r *recorder) {
		w.stop()
		ev := spoken(b, "one")
		if err := b.rx.Receive(t.Context(), bridges.Batch{Events: []bridges.Event{ev}}); err == nil {
			t.Error("a stopped relay took it")
		}
		r.want(t)
	})
}

func TestARecordingThatCannotBeDroppedHoldsUpNothing(t *testing.T) {
	inVoiceWorld(t, nil, func(t *testing.T, w *world, b *pager, r *recorder) {
		r.err = errors.New("the disk is broken")
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			return say.Say(ctx, avatar.Reply{Text: "heard " + string(turn.Voice.Data)})
		})
		b.receive(t, spoken(b, "one"))
		b.receive(t, spoken(b, "two"))
		w.wantPosted("ann", "heard one", "heard two")
		r.want(t, "one", "two")
	})
}

func TestATurnWithoutAVoiceHasNoRecording(t *testing.T) {
	for _, body := range []string{"", "{", `{"v":1,"text":"x"}`, `{"v":99,"voice":{"ref":"one"}}`} {
		if ref := relay.RecordingOf([]byte(body)); ref != "" {
			t.Errorf("%q of %q", ref, body)
		}
	}
}
