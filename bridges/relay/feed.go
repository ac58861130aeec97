package relay

import (
	"context"
	"encoding/hex"
	"fmt"

	"avatarbridge/bridges"
	"avatarbridge/store"
)

// itemBody is an item of a feed as it is stored.
type itemBody struct {
	V int `json:"v"`
	bridges.Item
}

// Feed reads the feed of a direct chat; see bridges.Receiver.
func (l *line) Feed(ctx context.Context, p bridges.Place, from bridges.Person, after int64, n int) ([]bridges.Item, error) {
	s, ok := l.route(p, nil)
	account := l.accountID()
	if !ok || account == "" {
		return nil, nil
	}
	in := store.Address{Account: account, Avatar: s.Avatar, Channel: p.Channel, Thread: p.Thread, Direct: p.Direct, Memory: s.memory(p.Direct)}
	stored, err := l.r.store.Feed(ctx, in, identity(&from), after, n)
	if err != nil {
		return nil, fmt.Errorf("read the feed: %w", err)
	}
	items := make([]bridges.Item, 0, len(stored))
	for i := range stored {
		var body itemBody
		if decode(stored[i].Body, &body, &body.V) != nil {
			continue // better left out than in the way of the rest
		}
		body.Item.ID, body.Item.At = stored[i].ID, stored[i].At
		items = append(items, body.Item)
	}
	return items, nil
}

// Secret returns the account's own; see bridges.Receiver.
func (l *line) Secret(ctx context.Context) ([]byte, error) {
	secret, err := l.r.store.Secret(ctx, "bridge/"+l.accountID())
	if err != nil {
		return nil, fmt.Errorf("read the bridge's secret: %w", err)
	}
	return secret, nil
}

// Epoch says which ids hold; see bridges.Receiver.
func (l *line) Epoch(ctx context.Context) (string, error) {
	secret, err := l.r.store.Secret(ctx, store.EpochSecret)
	if err != nil {
		return "", fmt.Errorf("read the store's epoch: %w", err)
	}
	return hex.EncodeToString(secret[:8]), nil
}

// Places says where people talked with the account; see bridges.Receiver.
func (l *line) Places(ctx context.Context, n int) ([]bridges.Place, error) {
	addresses, err := l.r.store.Places(ctx, l.accountID(), n)
	if err != nil {
		return nil, fmt.Errorf("read the places: %w", err)
	}
	places := make([]bridges.Place, len(addresses))
	for i, a := range addresses {
		places[i] = bridges.Place{Channel: a.Channel, Thread: a.Thread, Direct: a.Direct}
	}
	return places, nil
}

// fed reports whether the place has a feed.
func (l *line) fed(direct bool) bool { return l.feeds > 0 && direct }

// itemOf makes the feed's item of what was posted, in its form that was sent.
func itemOf(m *bridges.Message, id string) []byte {
	return encode(itemBody{V: bodyVersion, Item: bridges.Item{Post: id, Notice: m.Notice, Form: m.Forms[0]}})
}

// news tells the bridge that something new is in the feed.
func (l *line) news(p bridges.Place) {
	var err error
	defer l.catch(&err)
	l.feeder.News(p)
}
