package bridgetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"avatarbridge/bridges"
)

func acknowledgesAfterStoring(tr *trial) {
	rx := &Receiver{}
	release := rx.Hold()
	defer release()
	r := tr.run(tr.New(tr.log), rx)
	text := tr.write(Direct, "hold me")
	tr.must(rx.WaitFor(tr.ctx, func() bool { return len(eventsOf(rx.Offered())) > 0 }), "waiting for the event")
	tr.never(func() bool { return tr.Unacknowledged() == 0 }, "the event was acknowledged while Receive had not returned")
	release()
	tr.acknowledged()
	if got := texts(rx.Unique()); !slices.Equal(got, []string{text}) {
		tr.Errorf("stored %q, want %q", got, text)
	}
	r.ended()
}

func offersAgain(tr *trial) {
	rx := &Receiver{}
	rx.FailReceive(-1)
	want := []string{tr.write(Direct, "one"), tr.write(Direct, "two"), tr.write(Room, "three")}
	r := tr.run(tr.New(tr.log), rx)
	tr.must(rx.WaitFor(tr.ctx, func() bool { return len(rx.Offered()) >= 3 }), "waiting for three offers")
	if n := tr.Unacknowledged(); n != 3 {
		tr.Errorf("%d events are unacknowledged after failures, want 3", n)
	}
	rx.FailReceive(0)
	got, err := rx.WaitUnique(tr.ctx, 3)
	tr.must(err, "waiting for the events")
	if !slices.Equal(texts(got), want) {
		tr.Errorf("stored %q, want %q", texts(got), want)
	}
	sameKeys(tr, rx)
	tr.acknowledged()
	r.ended()
}

func offersAgainAfterRestart(tr *trial) {
	first, second := &Receiver{}, &Receiver{}
	first.FailReceive(-1)
	r := tr.run(tr.New(tr.log), first)
	text := tr.write(Direct, "not stored")
	tr.must(first.WaitFor(tr.ctx, func() bool { return len(eventsOf(first.Offered())) > 0 }), "waiting for the event")
	r.ended()

	r = tr.run(tr.New(tr.log), second)
	got, err := second.WaitUnique(tr.ctx, 1)
	tr.must(err, "waiting for the event after the restart")
	if got[0].Text != text || got[0].Key != eventsOf(first.Offered())[0].Key {
		tr.Errorf("after the restart came %q with key %q, before it had key %q", got[0].Text, got[0].Key, eventsOf(first.Offered())[0].Key)
	}
	tr.acknowledged()
	r.ended()
}

func restartsInBetween(tr *trial) {
	rx := &Receiver{}
	var want []string
	for i := range 4 {
		r := tr.run(tr.New(tr.log), rx)
		want = append(want, tr.write(Direct, fmt.Sprint("while it runs ", i)))
		_, err := rx.WaitUnique(tr.ctx, len(want))
		tr.must(err, "waiting for the event")
		r.ended() // right after Receive, so that the platform may not know yet
		want = append(want, tr.write(Direct, fmt.Sprint("while it is stopped ", i)))
	}
	r := tr.run(tr.New(tr.log), rx)
	_, err := rx.WaitUnique(tr.ctx, len(want))
	tr.must(err, "waiting for the last event")
	tr.acknowledged()
	r.ended()
	if got := texts(rx.Unique()); !slices.Equal(got, want) {
		tr.Errorf("stored %q, want %q", got, want)
	}
	for _, a := range rx.Accounts() {
		if a != tr.Account() {
			tr.Errorf("Open was called with account %q, want %q", a, tr.Account())
		}
	}
}

func keepsOrder(tr *trial) {
	rx := &Receiver{}
	rx.FailReceive(1)
	r := tr.run(tr.New(tr.log), rx)
	var want []string
	for i := range 150 {
		want = append(want, tr.write(Direct, fmt.Sprint("number ", i)))
	}
	got, err := rx.WaitUnique(tr.ctx, len(want))
	tr.must(err, "waiting for the events")
	if !slices.Equal(texts(got), want) {
		tr.Errorf("stored %q, want %q", texts(got), want)
	}
	r.ended()
}

func identifiesPeople(tr *trial) {
	rx := &Receiver{}
	r := tr.run(tr.New(tr.log), rx)
	tr.write(Direct, "in private")
	tr.write(Room, "in the room")
	got, err := rx.WaitUnique(tr.ctx, 2)
	tr.must(err, "waiting for the events")
	r.ended()
	private, public := got[0], got[1]
	switch p := private.From; {
	case p.Platform == "" || p.User == "" || p.Name == "" || p.Bot:
		tr.Errorf("the person is not described: %+v", p)
	case p.Platform != public.From.Platform || p.Tenant != public.From.Tenant || p.User != public.From.User:
		tr.Errorf("one person is two: %+v and %+v", p, public.From)
	}
	for i, w := range []Where{Direct, Room} {
		if got[i].Place != tr.Place(w) {
			tr.Errorf("place is %+v, want %+v", got[i].Place, tr.Place(w))
		}
		if got[i].Kind != bridges.Written || !got[i].Addressed || got[i].Key == "" || got[i].Message == "" || got[i].At.IsZero() {
			tr.Errorf("the event is not complete: %+v", got[i])
		}
	}
}

func flagsBots(tr *trial) {
	rx := &Receiver{}
	r := tr.run(tr.New(tr.log), rx)
	tr.WriteBot(canary + " I am a bot")
	last := tr.write(Room, "after the bot")
	tr.must(rx.WaitFor(tr.ctx, func() bool { return slices.Contains(texts(rx.Unique()), last) }), "waiting for the person's event")
	for _, e := range rx.Unique() {
		if e.From.Bot != strings.Contains(e.Text, "I am a bot") {
			tr.Errorf("event %q has From.Bot = %v", e.Text, e.From.Bot)
		}
	}
	r.ended()
}

func survivesBadEvents(tr *trial) {
	rx := &Receiver{}
	tr.WriteBad()
	first := tr.write(Direct, "between bad events")
	tr.WriteBad()
	r := tr.run(tr.New(tr.log), rx)
	last := tr.write(Direct, "after bad events")
	tr.WriteBad()
	tr.must(rx.WaitFor(tr.ctx, func() bool {
		got := texts(rx.Unique())
		return slices.Contains(got, first) && slices.Contains(got, last)
	}), "waiting for the good events")
	tr.acknowledged()
	r.ended()
	sameKeys(tr, rx)
}

func endsWhenIdle(tr *trial) {
	rx := &Receiver{}
	r := tr.run(tr.New(tr.log), rx)
	tr.must(rx.WaitHealth(tr.ctx, false), "waiting for the connection")
	r.ended()
}

func endsWhileFailing(tr *trial) {
	rx := &Receiver{}
	rx.FailReceive(-1)
	r := tr.run(tr.New(tr.log), rx)
	tr.write(Direct, "never stored")
	tr.must(rx.WaitFor(tr.ctx, func() bool { return len(rx.Offered()) >= 2 }), "waiting for two offers")
	r.ended()
	if tr.Unacknowledged() == 0 {
		tr.Error("an event that was never stored was acknowledged")
	}
}

func endsWhileHanging(tr *trial) {
	rx := &Receiver{}
	release := rx.Hold()
	defer release()
	r := tr.run(tr.New(tr.log), rx)
	tr.write(Direct, "never stored")
	tr.must(rx.WaitFor(tr.ctx, func() bool { return len(rx.Offered()) >= 1 }), "waiting for the offer")
	r.ended()
	if tr.Unacknowledged() == 0 {
		tr.Error("an event that was never stored was acknowledged")
	}
}

func endsWhileOffline(tr *trial) {
	rx := &Receiver{}
	r := tr.run(tr.New(tr.log), rx)
	tr.must(rx.WaitHealth(tr.ctx, false), "waiting for the connection")
	tr.Offline()
	tr.must(rx.WaitHealth(tr.ctx, true), "waiting for the loss to be told")
	r.ended()
}

func refusesToken(tr *trial) {
	rx := &Receiver{}
	r := tr.run(tr.NewRefused(tr.log), rx)
	select {
	case <-r.done:
	case <-tr.ctx.Done():
		tr.Fatal("Run goes on with a refused token")
	}
	if r.err == nil {
		tr.Error("Run returned nil for a refused token")
	}
	if len(rx.Accounts()) != 0 {
		tr.Errorf("Open was called with %q", rx.Accounts())
	}
}

func refusesOpen(tr *trial) {
	rx := &Receiver{}
	wanted := errors.New("another bridge has the account")
	rx.FailOpen(wanted)
	tr.write(Direct, "waiting")
	r := tr.run(tr.New(tr.log), rx)
	select {
	case <-r.done:
	case <-tr.ctx.Done():
		tr.Fatal("Run goes on after Open failed")
	}
	if !errors.Is(r.err, wanted) {
		tr.Errorf("Run returned %v, want the error of Open", r.err)
	}
	if len(rx.Offered()) != 0 {
		tr.Error("Receive was called after Open failed")
	}
}

func reconnects(tr *trial) {
	rx := &Receiver{}
	r := tr.run(tr.New(tr.log), rx)
	tr.must(rx.WaitHealth(tr.ctx, false), "waiting for the connection")
	tr.Offline()
	tr.must(rx.WaitHealth(tr.ctx, true), "waiting for the loss to be told")
	text := tr.write(Direct, "while away")
	tr.Online()
	got, err := rx.WaitUnique(tr.ctx, 1)
	tr.must(err, "waiting for the event after the loss")
	if got[0].Text != text {
		tr.Errorf("stored %q, want %q", got[0].Text, text)
	}
	tr.must(rx.WaitHealth(tr.ctx, false), "waiting for the recovery to be told")
	r.ended()
}

func startsOffline(tr *trial) {
	rx := &Receiver{}
	text := tr.write(Direct, "early")
	tr.Offline()
	r := tr.run(tr.New(tr.log), rx)
	tr.must(rx.WaitHealth(tr.ctx, true), "waiting for the failure to be told")
	tr.Online()
	got, err := rx.WaitUnique(tr.ctx, 1)
	tr.must(err, "waiting for the event")
	if got[0].Text != text {
		tr.Errorf("stored %q, want %q", got[0].Text, text)
	}
	r.ended()
}

// texts are the events' texts.
func texts(events []bridges.Event) []string {
	list := make([]string, len(events))
	for i, e := range events {
		list[i] = e.Text
	}
	return list
}

func eventsOf(batches []bridges.Batch) []bridges.Event {
	var list []bridges.Event
	for _, b := range batches {
		list = append(list, b.Events...)
	}
	return list
}

// sameKeys checks that a text always came with the same key, and another text with another one.
func sameKeys(tr *trial, rx *Receiver) {
	tr.Helper()
	byText, byKey := map[string]string{}, map[string]string{}
	for _, e := range eventsOf(rx.Offered()) {
		if e.Kind != bridges.Written || !strings.Contains(e.Text, canary) {
			continue
		}
		key, known := byText[e.Text]
		if known && key != e.Key || e.Key == "" {
			tr.Errorf("%q came with the keys %q and %q", e.Text, key, e.Key)
		}
		if other, known := byKey[e.Key]; known && other != e.Text {
			tr.Errorf("%q and %q have the same key %q", e.Text, other, e.Key)
		}
		byText[e.Text], byKey[e.Key] = e.Key, e.Text
	}
}
