package voximplant

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
)

func TestConversationThatWasSilentForLongestMakesRoom(t *testing.T) {
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{MaxStreams: 2}, nil)
	r.g.talks.max = 2
	c := newClock()
	r.g.talks.now = c.Now
	var now, later avatartest.Ear
	ask := func(conversation string) {
		t.Helper()
		c.add(time.Second)
		if err := r.b.Ask(t.Context(), grpcTurn(conversation, "Hi", &later), &now); err != nil {
			t.Fatal(err)
		}
	}
	ask("a")
	ask("b")
	ask("a")
	r.g.talks.end("none") // changes nothing
	// The service learns a moment later that a stream is closed, for which the ten that are left to other users of the account are there too.
	r.sim.OnStep(nil)
	k := r.g.talks.byID["b"]
	if err := r.makeRoomFor(t, "c"); err != nil {
		t.Fatal(err)
	}
	<-k.over
	await(t, r.sim, avatartest.GRPCEnded, 1)
	ask("c")
	ask("a")
	if n := r.sim.Count(avatartest.GRPCOpened); n != 3 {
		t.Errorf("%d streams were opened, not 3: another one than the silent one was closed", n)
	}
}

// makeRoomFor takes a conversation in without asking anything in it.
func (r *grpcRig) makeRoomFor(t *testing.T, conversation string) error {
	t.Helper()
	k, _, err := r.g.talks.get(conversation)
	if err == nil {
		r.g.talks.close(k)
		r.g.talks.release(k)
	}
	return err
}

func TestConversationsThatAllWaitForRepliesPauseTheAvatar(t *testing.T) {
	gate := make(chan struct{})
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{Answer: script(avatartest.GRPCReply{Text: "Yes", Gate: gate})}, nil)
	r.g.talks.max = 2
	done := make(chan error, 2)
	for i := range 2 {
		go func() {
			done <- r.b.Ask(t.Context(), grpcTurn(fmt.Sprint("c", i), "Hi", &avatartest.Ear{}), &avatartest.Ear{})
		}()
	}
	await(t, r.sim, avatartest.GRPCUtterance, 2)
	o := fault.Of(r.b.Ask(t.Context(), grpcTurn("more", "Hi", &avatartest.Ear{}), &avatartest.Ear{}))
	if o == nil || o.Kind != fault.Throttled || o.Scope != fault.Avatar || o.After != fullPause {
		t.Errorf("%v", o)
	}
	close(gate)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := r.b.Ask(t.Context(), grpcTurn("more", "Hi", &avatartest.Ear{}), &avatartest.Ear{}); err != nil {
		t.Errorf("after the others: %v", err)
	}
}

func TestSilentConversationIsClosed(t *testing.T) {
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{}, nil)
	r.g.talks.idle = 20 * time.Millisecond
	if err := r.b.Ask(t.Context(), grpcTurn("c", "Hi", &avatartest.Ear{}), &avatartest.Ear{}); err != nil {
		t.Fatal(err)
	}
	await(t, r.sim, avatartest.GRPCEnded, 1)
	if err := r.b.Ask(t.Context(), grpcTurn("c", "Hi", &avatartest.Ear{}), &avatartest.Ear{}); err != nil {
		t.Fatal(err)
	}
}

func TestTalkThatIsInUseIsNotClosedForItsSilence(t *testing.T) {
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{}, nil)
	k, fresh, err := r.g.talks.get("c")
	if err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	r.g.talks.closeIdle(k)
	if k.ctx.Err() != nil {
		t.Error("closed")
	}
	r.g.talks.release(k)
	r.g.talks.closeIdle(k)
	if k.ctx.Err() == nil {
		t.Error("not closed")
	}
}

func TestManyConversationsShareOneConnectionAndOneLogin(t *testing.T) {
	var dials counter
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{TLS: true}, func(c *Config) { c.Dial = dials.count(c.Dial) })
	errs := make(chan error)
	const n = maxStreams
	for i := range n {
		go func() {
			var now avatartest.Ear
			err := r.b.Ask(t.Context(), grpcTurn(fmt.Sprint("c", i), fmt.Sprint("I am ", i), &now), &now)
			if got := now.Replies(); err == nil && (len(got) != 1 || got[0].Text != fmt.Sprint("You said: I am ", i)) {
				err = fmt.Errorf("conversation %d heard %v", i, got)
			}
			errs <- err
		}()
	}
	var all error
	for range n {
		all = errors.Join(all, <-errs)
	}
	if all != nil {
		t.Error(all)
	}
	if d, l, o := dials.n.Load(), r.sim.Count(avatartest.GRPCLoginAsked), r.sim.Open(); d != 1 || l != 1 || o != n {
		t.Errorf("%d connections, %d logins, %d streams", d, l, o)
	}
	if err := r.b.(avatar.Keeper).Close(); err != nil {
		t.Error(err)
	}
	await(t, r.sim, avatartest.GRPCEnded, n)
}
