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
	"avatarbridge/store"
)

// loads counts what was loaded for asking.
type loads struct {
	store.Store
	mu          sync.Mutex
	transcripts int
}

func (l *loads) Transcript(ctx context.Context, conversation int64, n int) ([][]byte, error) {
	l.mu.Lock()
	l.transcripts++
	l.mu.Unlock()
	return l.Store.Transcript(ctx, conversation, n)
}

func (l *loads) read() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.transcripts
}

// rememberer is an avatar that hears, and is told what was said before.
type rememberer struct{ hearer }

func (rememberer) History() int { return 5 }

// microphone is a platform whose voices are counted while they are in memory: from their loading to the end of the call that they are for.
type microphone struct {
	*pager
	mu    sync.Mutex
	loads int
	fail  error
}

func (r *microphone) Attachment(_ context.Context, a bridges.Attachment) (*bridges.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loads++
	return &bridges.File{Type: a.Type, Data: []byte("OggS")}, r.fail
}

func (r *microphone) loaded() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.loads
}

func (r *microphone) breaks(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
}

func (r *microphone) says(user string, size int64) bridges.Event {
	ev := r.said(user, "")
	ev.Attachments = []bridges.Attachment{{Kind: "voice", Ref: "v", Type: "audio/ogg", Size: size}}
	return ev
}

func inCountedWorld(t *testing.T, test func(t *testing.T, w *world, b *microphone, l *loads)) {
	t.Helper()
	b, l := &microphone{pager: &pager{}}, &loads{}
	dress := func(f *fakeBridge) bridges.Bridge {
		b.fakeBridge, b.news = f, make(chan bridges.Place, 1000)
		return b
	}
	change := func(c *relay.Config) { c.Avatars[0].Backend = rememberer{hearer{c.Avatars[0].Backend.(*fakeAvatar)}} }
	inDressedWorld(t, dress, change, func(t *testing.T, w *world) {
		w.stop()
		w.wrap = func(s store.Store) store.Store { l.Store = s; return l }
		w.start()
		test(t, w, b, l)
	})
}

func TestAnOpenBreakerLoadsNoVoiceAndReadsNoTranscript(t *testing.T) {
	inCountedWorld(t, func(t *testing.T, w *world, b *microphone, l *loads) {
		w.avatar.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error { return errDown })
		for i := range 5 {
			b.receive(t, b.says(fmt.Sprint("u", i), 4))
		}
		settle()
		if b.loaded() != 5 || l.read() != 5 {
			t.Fatalf("%d voices and %d transcripts were loaded before it opens, want 5", b.loaded(), l.read())
		}
		for i := range 20 {
			b.receive(t, b.says(fmt.Sprint("late", i), 4))
		}
		settle()
		if b.loaded() != 5 || l.read() != 5 {
			t.Errorf("%d voices and %d transcripts were loaded for an avatar that is down", b.loaded()-5, l.read()-5)
		}
		w.avatar.onAsk(nil)
		time.Sleep(5 * time.Minute)
		if got := b.posted("late7"); len(got) != 1 || b.loaded() > 60 {
			t.Errorf("posted %q; %d voices were loaded for 25 answers", got, b.loaded())
		}
	})
}

// A voice that cannot be had says nothing about the avatar: neither that it is back nor that it is down.
func TestAVoiceThatCannotBeLoadedDoesNotCountForOrAgainstTheAvatar(t *testing.T) {
	inCountedWorld(t, func(t *testing.T, w *world, b *microphone, l *loads) {
		w.avatar.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error { return errDown })
		for i := range 5 {
			b.receive(t, b.said(fmt.Sprint("u", i), "x"))
		}
		settle()
		asked := len(w.avatar.turns())
		b.breaks(fault.Of(errors.New("the platform is away")))
		b.receive(t, b.says("ann", 4))
		time.Sleep(12 * time.Second) // the breaker lets one try; whoever it is, nobody has answered
		b.breaks(nil)
		time.Sleep(20 * time.Minute)
		if n := len(w.avatar.turns()); n <= asked {
			t.Error("nobody tries the avatar any more")
		}
		w.avatar.onAsk(nil)
		b.receive(t, b.says("bob", 4))
		time.Sleep(5 * time.Minute)
		if got := b.posted("bob"); len(got) != 1 {
			t.Errorf("posted %q", got)
		}
	})
}

func TestVoicesInMemoryAreBoundedInBytes(t *testing.T) {
	inCountedWorld(t, func(t *testing.T, w *world, b *microphone, _ *loads) {
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			time.Sleep(time.Minute)
			return say.Say(ctx, avatar.Reply{Text: "heard"})
		})
		for i := range 9 {
			b.receive(t, b.says(fmt.Sprint("u", i), 20<<20))
		}
		b.receive(t, b.said("writer", "x"))
		settle()
		if b.loaded() != 3 {
			t.Errorf("%d voices of 20 MB are in memory at once, want 3 in 64 MB", b.loaded())
		}
		if len(w.avatar.turns()) != 4 {
			t.Error("whoever writes has to wait for voices")
		}
		time.Sleep(4 * time.Minute)
		for i := range 9 {
			if got := b.posted(fmt.Sprint("u", i)); len(got) != 1 {
				t.Errorf("u%d was told %q", i, got)
			}
		}
	})
}
