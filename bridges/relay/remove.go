package relay

import (
	"context"
	"strconv"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/store"
)

// unsay makes the post that takes back the one with the platform's id sent; nil when the platform cannot.
func (l *line) unsay() func(sent string) []byte {
	if l.remover == nil {
		return nil
	}
	return func(sent string) []byte { return encode(postBody{V: bodyVersion, Remove: sent}) }
}

// remove takes back what body names. What is gone already is taken back.
func (l *line) remove(p *store.Post, body *postBody) *store.Post {
	if l.remover == nil {
		return l.settle(p, store.Settled{As: store.Withheld}) // the platform has forgotten how since
	}
	o := l.removeOnce(p, body)
	if o == nil {
		return l.settle(p, store.Settled{As: store.Sent})
	}
	if o.Kind == fault.Rejected || o.Kind == fault.Expired || o.Kind == fault.Moved {
		o = fault.Kill("what was posted cannot be taken back", o)
	} else if o.Kind == fault.Unclear {
		o = &fault.Outcome{Err: o} // taking back twice does no harm
	}
	return l.sent(p, body, "", o)
}

func (l *line) removeOnce(p *store.Post, body *postBody) *fault.Outcome {
	ctx, cancel := context.WithTimeout(l.r.calls, l.r.cfg.SendTimeout)
	defer cancel()
	where := place(&p.Conversation)
	var err error
	func() {
		defer l.catch(&err)
		id := body.Remove
		if body.Lost != "" && l.finder != nil {
			id, err = l.finder.Find(ctx, bridges.Message{ID: body.Lost, Place: where}, p.Created.Add(-l.r.cfg.RetryWithin))
		}
		if err == nil && id != "" {
			err = l.remover.Remove(ctx, where, id)
		}
	}()
	return fault.Of(err)
}

// find asks the platform whether an unclear post is there. done says that the post was settled, with next as its successor.
func (l *line) find(p *store.Post, body *postBody) (next *store.Post, done bool) {
	if l.finder == nil {
		return nil, false
	}
	m := body.Message
	m.ID, m.Place = strconv.FormatInt(p.ID, 36), place(&p.Conversation)
	ctx, cancel := context.WithTimeout(l.r.calls, l.r.cfg.SendTimeout)
	defer cancel()
	id, err := "", error(nil)
	func() {
		defer l.catch(&err)
		id, err = l.finder.Find(ctx, m, p.Created)
	}()
	switch {
	case err != nil:
		o := fault.Of(err)
		if o.Kind != fault.Throttled && o.Kind != fault.Retry {
			return nil, false // it cannot be found out: on_unclear decides
		}
		return l.sent(p, body, "", o), true
	case id != "":
		return l.arrived(p, body, id), true
	}
	p.Unclear = false
	return nil, false
}
