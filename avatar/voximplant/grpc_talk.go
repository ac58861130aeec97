package voximplant

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"avatarbridge/avatar"
	"avatarbridge/avatar/voximplant/wire"
	"avatarbridge/bridges/fault"
)

const (
	sayTime  = 10 * time.Second // that storing one later reply may take
	sayTries = 6                // a later reply is in memory only: it is not given up at the first failure of the store
)

// talk is one live conversation: a stream, and the goroutine that hears it. It is in use from its making or get to its release.
type talk struct {
	conversation string
	ctx          context.Context
	cancel       context.CancelFunc
	log          *slog.Logger
	wait         time.Duration // before a later reply is said again
	entry        *entry
	stream       grpc.BidiStreamingClient[wire.UserUtterance, wire.AvatarResponse]
	over         chan struct{} // closed when the stream has ended
	err          error         // how; read it after over

	used  time.Time   // guarded by the talks
	inUse bool        // likewise
	idle  *time.Timer // likewise; nil while it is in use for the first time

	sent bool // the utterance of the ask that is going on went out; only that ask uses it

	mu      sync.Mutex
	asking  bool                        // from begin to finish: nothing may be said later
	waiter  chan<- *wire.AvatarResponse // takes the next reply; nil when nobody waits for one
	drop    bool                        // what comes is to a turn that will be asked again
	later   avatar.Speaker
	changed chan struct{} // closed when one of the above changes
}

// open begins the stream. Whether the token is good shows only when it is heard.
func (k *talk) open(e *entry, avatarID string) error {
	k.entry = e
	ctx := metadata.AppendToOutgoingContext(k.ctx, "authorization", "Bearer "+e.token, "avatarid", avatarID)
	stream, err := wire.NewAvatarClient(e.link.conn).Conversation(ctx)
	k.stream = stream
	return err
}

// change alters who gets what is heard.
func (k *talk) change(alter func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	alter()
	close(k.changed)
	k.changed = make(chan struct{})
}

// begin lets what is heard wait for expect or finish.
func (k *talk) begin(later avatar.Speaker) {
	k.sent = false
	k.change(func() { k.asking, k.later = true, later })
}

// expect lets the next reply go to w.
func (k *talk) expect(w chan<- *wire.AvatarResponse) {
	k.change(func() { k.waiter = w })
}

// finish lets what is heard go to the last turn's Later, or be dropped.
func (k *talk) finish(drop bool) {
	k.change(func() { k.asking, k.waiter, k.drop = false, nil, drop })
}

// hear reads the stream to its end, or until the conversation ends.
func (k *talk) hear(heard func()) {
	defer close(k.over)
	defer k.cancel()
	for {
		m, err := k.stream.Recv()
		if err != nil {
			k.err = err
			return
		}
		heard()
		if !k.hand(m) {
			k.err = io.EOF
			return
		}
	}
}

// hand gives the reply to who waits for one, or says it later. It reports whether the conversation goes on.
func (k *talk) hand(m *wire.AvatarResponse) bool {
	for {
		k.mu.Lock()
		waiter, asking, drop, later, changed := k.waiter, k.asking, k.drop, k.later, k.changed
		if waiter != nil {
			k.waiter = nil
			waiter <- m // has room
		}
		k.mu.Unlock()
		switch {
		case waiter != nil:
			return !m.GetIsFinal()
		case drop:
			return false
		case !asking:
			return k.sayLater(later, m)
		}
		<-changed // every ask ends
	}
}

// sayLater says a reply that nobody waits for, and reports whether the conversation goes on. What was heard is stored even if the talk is closed
// meanwhile.
func (k *talk) sayLater(later avatar.Speaker, m *wire.AvatarResponse) bool {
	wait := k.wait
	for try := 1; ; try++ {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(k.ctx), sayTime)
		err := later.Say(ctx, heardReply(m))
		cancel()
		switch {
		case err == nil:
			return !m.GetIsFinal()
		case errors.Is(err, avatar.ErrGone):
			return false
		case try == sayTries:
			k.log.Error("a later reply is lost", "conversation", k.conversation, "err", fault.Of(err))
			return false
		}
		select {
		case <-time.After(wait):
			wait *= 2
		case <-k.ctx.Done():
			k.log.Error("a later reply is lost", "conversation", k.conversation, "err", fault.Of(err))
			return false
		}
	}
}

// heardReply is what the avatar said.
func heardReply(m *wire.AvatarResponse) avatar.Reply {
	r := avatar.Reply{Text: strings.TrimSpace(m.GetUtterance()), Ends: m.GetIsFinal()}
	decorate(&r, json.RawMessage(m.GetCustomData()))
	return r
}
