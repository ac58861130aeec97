package relay_test

import (
	"context"
	"time"

	"avatarbridge/bridges"
)

// What platforms can do beside what they must.
type (
	finder  struct{ *arm }
	remover struct{ *arm }
	both    struct{ *arm }
)

func (f finder) Find(ctx context.Context, m bridges.Message, _ time.Time) (string, error) {
	return f.lookup(ctx, m)
}
func (f both) Find(ctx context.Context, m bridges.Message, _ time.Time) (string, error) {
	return f.lookup(ctx, m)
}
func (r remover) Remove(ctx context.Context, _ bridges.Place, id string) error {
	return r.takeBack(ctx, id)
}
func (r both) Remove(ctx context.Context, _ bridges.Place, id string) error {
	return r.takeBack(ctx, id)
}

var (
	_ bridges.Finder  = finder{}
	_ bridges.Remover = remover{}
	_ bridges.Finder  = both{}
	_ bridges.Remover = both{}
	_ bridges.Fetcher = both{}
)

// connect makes the platform's connection for a life.
func (p *platform) connect(l *life) bridges.Bridge {
	a := &arm{p, l}
	switch {
	case p.feeds:
		return feeder{both{a}}
	case p.draws:
		return drawer{both{a}}
	case p.finds && p.removes:
		return both{a}
	case p.finds:
		return finder{a}
	case p.removes:
		return remover{a}
	}
	return a
}
