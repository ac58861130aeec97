package relay

import (
	"context"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
	"avatarbridge/store"
)

const (
	// endTimeout bounds one attempt to tell a service that a conversation is over.
	endTimeout = 20 * time.Second
	// endAttempts is how often that is tried. It is a courtesy: what is not told in time, the service finds out by itself.
	endAttempts = 3
)

// await leaves the turn where it is until its reply comes, or is not worth waiting for any more.
func (p *player) await(l *line, t *store.Turn) *store.Turn {
	return p.giveBack(l, t, store.Deferred{Due: time.Now().Add(p.patience), Attempts: t.Attempts, Awaits: true})
}

// unanswered settles a turn to which no reply came.
func (p *player) unanswered(l *line, t *store.Turn, b *turnBody) *store.Turn {
	l.log.Debug("no reply came in time; one that comes later is posted all the same", "avatar", p.cfg.Name, "turn", t.ID)
	return p.finish(l, t, &store.Finished{Replies: l.erase(t), Notice: l.answerTo(b, noticeNoReply, l.turnKey(&t.Conversation, b, "no reply"), 0)})
}

// Forgotten tells the services of conversations that were deleted with a person, and takes up what waited behind the person's messages in
// conversations with others.
func (r *Relay) Forgotten(gone []store.Conversation) {
	r.forgetHolds(gone)
	r.Wake()
	for _, c := range gone {
		r.end(c.Avatar, c.UID)
	}
}

// end tells the avatar's service, if it wants to know, that a conversation is over.
func (r *Relay) end(name, conversation string) {
	p := r.players[name]
	if p == nil {
		return
	}
	ender, ok := p.cfg.Backend.(avatar.Ender)
	if !ok || !r.enter() {
		return
	}
	go func() {
		defer r.work.Done()
		for attempt := range endAttempts {
			o := fault.Of(r.endOnce(ender, conversation))
			if o == nil {
				return
			}
			r.log.Warn("cannot tell the avatar's service that a conversation is over", "avatar", name, "attempt", attempt+1, "err", o)
			if o.Kind == fault.Dead || o.Kind == fault.Rejected || !sleep(r.calls, r.backoff(attempt, 2*time.Second, time.Minute)) {
				return
			}
		}
	}()
}

func (r *Relay) endOnce(e avatar.Ender, conversation string) error {
	ctx, cancel := context.WithTimeout(r.calls, endTimeout)
	defer cancel()
	return e.End(ctx, conversation)
}

// closeAvatars ends the connections that avatars keep.
func (r *Relay) closeAvatars() {
	for _, p := range r.players {
		if k, ok := p.cfg.Backend.(avatar.Keeper); ok {
			if err := k.Close(); err != nil {
				r.log.Warn("the connections of an avatar did not close well", "avatar", p.cfg.Name, "err", err)
			}
		}
	}
}
