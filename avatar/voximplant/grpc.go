package voximplant

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/avatar/voximplant/wire"
	"avatarbridge/bridges/fault"
)

// grpcTransport keeps one stream for each live conversation. A conversation ends for the service when its stream does: after some minutes of
// silence, when there are too many, and with the process. The next utterance then opens a new one.
type grpcTransport struct {
	cfg   Config
	door  *door
	talks *talks
}

var errNoDial = errors.New("transport \"grpc\" needs a way to connect")

// newGRPC makes the transport that needs no public URL, without any I/O. dial is for the addresses that the platform names.
func newGRPC(cfg Config, log *slog.Logger, api *platformAPI, dial dialFunc) (transport, error) {
	if dial == nil {
		return nil, errNoDial
	}
	return &grpcTransport{
		cfg: cfg,
		door: &door{
			cfg: cfg, api: api, dial: dial, trust: &tls.Config{MinVersion: tls.VersionTLS12}, now: api.now,
			busy: make(chan struct{}, 1), links: map[string]*link{},
		},
		talks: newTalks(log),
	}, nil
}

// ask waits for the first reply and says it. It returns nil without one when none comes in time: it may still come, and others with it.
func (g *grpcTransport) ask(ctx context.Context, t avatar.Turn, say avatar.Speaker) error {
	old := g.door.latest()
	for refused := ""; ; {
		used, err := g.attempt(ctx, t, say, refused)
		if used == nil || used.login > old || !errors.Is(err, errRefused) {
			return err
		}
		refused = used.token // a token of a login before this turn: the stream's, then the door's, may both be over
	}
}

// attempt asks once, with a token that is not the refused one, and returns what it entered with. What fails closes the stream: the turn may be asked
// again, and must not be answered twice.
func (g *grpcTransport) attempt(ctx context.Context, t avatar.Turn, say avatar.Speaker, refused string) (used *entry, err error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.NoAnswer("the avatar API", err)
	}
	k, fresh, err := g.talks.get(t.Conversation)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, k.cancel)
	k.begin(t.Later)
	defer func() {
		stop()
		k.finish(err != nil && k.sent)
		if err != nil {
			g.talks.close(k)
		}
		g.talks.release(k)
	}()
	if fresh {
		if err := g.open(ctx, k, refused); err != nil {
			return nil, err
		}
	}
	m, err := g.exchange(ctx, k, t.Text)
	if err != nil || m == nil {
		return k.entry, err
	}
	return k.entry, say.Say(ctx, heardReply(m))
}

// open gives a fresh talk its stream.
func (g *grpcTransport) open(ctx context.Context, k *talk, refused string) error {
	e, err := g.door.enter(ctx, refused)
	if err != nil {
		return err
	}
	if err := k.open(e, g.cfg.AvatarID); err != nil {
		defer g.door.leave(e.link)
		return g.failed(ctx, k, err)
	}
	g.talks.hear(k, func() { g.door.leave(e.link) })
	return nil
}

// exchange sends the text and waits for a reply, which is nil when none came in time.
func (g *grpcTransport) exchange(ctx context.Context, k *talk, text string) (*wire.AvatarResponse, error) {
	if err := k.stream.Send(&wire.UserUtterance{Text: text}); err != nil {
		return nil, g.unsent(ctx, k, err)
	}
	k.sent = true
	m := g.await(ctx, k)
	switch {
	case ctx.Err() != nil:
		return nil, fault.NoAnswer(k.entry.link.address, ctx.Err())
	case m != nil:
		return m, nil
	}
	select {
	case <-k.over:
		return nil, g.failed(ctx, k, k.err)
	default:
		return nil, nil
	}
}

// await returns the next reply, nil when the stream ends before or none comes in time.
func (g *grpcTransport) await(ctx context.Context, k *talk) *wire.AvatarResponse {
	reply := make(chan *wire.AvatarResponse, 1)
	k.expect(reply)
	wait := time.NewTimer(g.patient(ctx))
	defer wait.Stop()
	select {
	case m := <-reply:
		return m
	case <-k.over:
	case <-wait.C:
		k.expect(nil)
	}
	select {
	case m := <-reply: // it came at the same moment
		return m
	default:
		return nil
	}
}

// lastMoment is how long before its time is over an ask gives up waiting: what has been heard by the avatar must not be asked again for want of a reply.
const lastMoment = 2 * time.Second

// patient is how long to wait for a reply: reply_timeout, or less if the turn has no more time.
func (g *grpcTransport) patient(ctx context.Context) time.Duration {
	if end, ok := ctx.Deadline(); ok {
		if left := time.Until(end); left > 2*lastMoment {
			return min(g.cfg.ReplyTimeout, left-lastMoment)
		}
	}
	return g.cfg.ReplyTimeout
}

// unsent is the outcome of an utterance that did not go out. What was heard before it is said later.
func (g *grpcTransport) unsent(ctx context.Context, k *talk, err error) error {
	k.finish(false)
	wait := time.NewTimer(time.Second)
	defer wait.Stop()
	select {
	case <-k.over: // tells why, which sending does not
		err = k.err
	case <-wait.C:
	}
	return g.failed(ctx, k, err)
}

// failed is the outcome of a conversation that ended with err before there was a reply.
func (g *grpcTransport) failed(ctx context.Context, k *talk, err error) error {
	l := k.entry.link
	if ctx.Err() != nil {
		return fault.NoAnswer(l.address, ctx.Err())
	}
	if l.unreachable() != nil {
		g.door.lost(l)
	}
	return l.grpcOutcome(g.cfg.utteranceCall(), err)
}

// end closes the conversation's stream, which is all that the service can be told.
func (g *grpcTransport) end(_ context.Context, conversation string) error {
	g.talks.end(conversation)
	return nil
}

// patience is none: what was not answered when the process dies has lost its stream, and is asked again.
func (g *grpcTransport) patience() time.Duration { return 0 }

// close ends all streams and connections.
func (g *grpcTransport) close() error {
	g.talks.closeAll()
	g.door.close()
	return nil
}
