package relay_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/relay"
)

func TestRefusedFormFallsBackToTheNext(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.bridge.onSend(func(m bridges.Message) error {
			if m.Forms[0].Kind == "fancy" {
				return fault.Reject("bad markup", nil)
			}
			return nil
		})
		w.avatar.onAsk(func(ctx context.Context, _ avatar.Turn, say avatar.Speaker) error {
			return say.Say(ctx, avatar.Reply{Text: "#bold"})
		})
		w.bridge.receive(t, w.bridge.said("ann", "x"))
		w.wantPosted("ann", "bold")
	})
}

func TestLaterPiecesDieWithADeadOneAndLaterRepliesGoOn(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.bridge.onSend(func(m bridges.Message) error {
			if m.Forms[0].Text == "two" {
				return fault.Kill("no", nil)
			}
			return nil
		})
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			return say.Say(ctx, avatar.Reply{Text: turn.Text})
		})
		w.bridge.receive(t, w.bridge.said("ann", "one|two|three"), w.bridge.said("ann", "four"))
		w.wantPosted("ann", "one", "four")
		if n := len(w.dead()); n != 2 {
			t.Errorf("%d dead letters, want the dead piece and the one behind it", n)
		}
	})
}

func TestUnclearPostIsRepeatedOrListed(t *testing.T) {
	for _, hold := range []bool{false, true} {
		t.Run(fmt.Sprint("hold=", hold), func(t *testing.T) {
			inWorld(t, func(c *relay.Config) { c.Bridges[0].HoldUnclear = hold }, func(t *testing.T, w *world) {
				var calls atomic.Int32
				w.bridge.onSend(func(bridges.Message) error {
					if calls.Add(1) == 1 {
						return fault.Unsure(errors.New("cut"))
					}
					return nil
				})
				w.bridge.receive(t, w.bridge.said("ann", "1"))
				time.Sleep(time.Minute)
				letters := w.dead()
				if hold && (calls.Load() != 1 || len(letters) != 1 || !letters[0].Unclear) {
					t.Errorf("%d calls, letters %+v", calls.Load(), letters)
				}
				if !hold && (calls.Load() != 2 || len(letters) != 0) {
					t.Errorf("%d calls, letters %+v", calls.Load(), letters)
				}
			})
		})
	}
}

func TestAudioAtARefusedAddressIsLeftOutAndTheTextPosted(t *testing.T) {
	inWorld(t, func(c *relay.Config) { c.Media = refusing{} }, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			return say.Say(ctx, avatar.Reply{Text: "hear", Audio: avatar.Audio{URL: "https://127.0.0.1/x.wav"}})
		})
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		w.wantPosted("ann", "hear")
		if w.bridge.sent[0].Forms[0].Audio != nil {
			t.Error("the address was used")
		}
	})
}

type refusing struct{}

func (refusing) Keep(context.Context, avatar.Audio) (bridges.Audio, error) {
	return bridges.Audio{}, errDisk
}

func (refusing) Vet(string, bool) error { return errors.New("not a public address") }

func (refusing) Drop(context.Context, string) error { return nil }

func TestOutageOfThePlatformLosesNoReply(t *testing.T) {
	for name, outage := range map[string]error{"refused": errDown, "502": fault.Unsure(errors.New("502"))} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(t *testing.T, w *world) {
				began, unclear := time.Now(), false
				w.bridge.onSend(func(bridges.Message) error {
					switch {
					case time.Since(began) < 10*time.Minute:
						return outage
					case !unclear:
						unclear = true
						return fault.Unsure(errors.New("cut"))
					}
					return nil
				})
				w.bridge.receive(t, w.bridge.said("ann", "1"))
				time.Sleep(time.Hour)
				w.wantPosted("ann", "re: 1")
			})
		})
	}
}

// silent keeps no audio, and refuses no address.
type silent struct{}

func (silent) Keep(context.Context, avatar.Audio) (bridges.Audio, error) {
	return bridges.Audio{}, errDisk
}

func (silent) Vet(string, bool) error { return nil }

func (silent) Drop(context.Context, string) error { return nil }

func TestReplyOfWhichNothingCanBePostedIsADeadLetterAndNotSilence(t *testing.T) {
	inWorld(t, func(c *relay.Config) { c.Media = silent{} }, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			return say.Say(ctx, avatar.Reply{Audio: avatar.Audio{Data: []byte("RIFF")}})
		})
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		w.wantPosted("ann", "UNAVAILABLE")
		if n := len(w.dead()); n != 1 {
			t.Errorf("%d dead letters", n)
		}
	})
}

func TestPostThatWasUnclearOnceStaysUnclearWhenItDies(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		outcomes := []error{fault.Unsure(errors.New("cut")), errDown, fault.Kill("blocked", nil)}
		w.bridge.onSend(func(bridges.Message) error {
			o := outcomes[0]
			outcomes = outcomes[1:]
			return o
		})
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		time.Sleep(10 * time.Minute)
		if letters := w.dead(); len(letters) != 1 || !letters[0].Unclear {
			t.Errorf("dead letters: %+v", letters)
		}
	})
}

func TestListOfRepliesOfWhichNothingCanBePostedIsADeadLetterToo(t *testing.T) {
	inWorld(t, func(c *relay.Config) { c.Media = silent{} }, func(t *testing.T, w *world) {
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			sound := avatar.Reply{Audio: avatar.Audio{Data: []byte("RIFF")}}
			return errors.Join(say.Say(ctx, sound), say.Say(ctx, sound))
		})
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		w.wantPosted("ann", "UNAVAILABLE")
	})
}
