package slack

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	slackapi "github.com/slack-go/slack"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

const (
	pageSize  = 200             // messages of a history's page
	findPages = 10              // pages that are looked through for a post
	clockSkew = 2 * time.Minute // by which this machine's clock may be ahead of Slack's
)

// Find implements bridges.Finder. What answered a slash command has no metadata: nobody can tell whether it is there.
func (b *Bridge) Find(ctx context.Context, m bridges.Message, since time.Time) (string, error) {
	if len(m.Forms) > 0 && m.Forms[0].Kind == formAnswer {
		return "", fault.Kill("what answers a command cannot be looked for", nil)
	}
	since = since.Add(-clockSkew)
	found, err := b.looks.look(ctx, m.Place, since, func(ctx context.Context, since time.Time) ([]message, error) {
		return b.since(ctx, m.Place.Channel, m.Place.Thread, since, findPages)
	})
	if err != nil {
		b.suspect(err)
		return "", lookedOnly(err)
	}
	for i := range found {
		if found[i].holds(m.ID) {
			return found[i].TS, nil
		}
	}
	return "", nil
}

// lookedOnly says of a call that changes nothing that it may be made again, however it ended.
func lookedOnly(err error) error {
	if o := fault.Of(err); o != nil && o.Kind == fault.Unclear {
		return &fault.Outcome{Kind: fault.Retry, Reason: o.Reason, Err: o.Err}
	}
	return err
}

// holds reports whether the message was posted with the id.
func (m *message) holds(id string) bool {
	return m.Metadata.Type == metadataType && m.Metadata.Payload.ID == id ||
		m.Bot != "" && slices.ContainsFunc(m.Files, func(f file) bool { return f.isUpload(id) })
}

var errTooMuch = errors.New("more was written since than can be looked through")

// since reads what was written in a thread, or without one in the channel, the parent of a thread included. It is in no order.
func (b *Bridge) since(ctx context.Context, channel, thread string, since time.Time, pages int) ([]message, error) {
	var all []message
	cursor := ""
	for range pages {
		x, err := b.page(ctx, channel, thread, since, cursor)
		if err != nil {
			return nil, err
		}
		var said struct {
			Messages []rawMessage `json:"messages"`
			Meta     struct {
				Cursor string `json:"next_cursor"`
			} `json:"response_metadata"`
		}
		if decode(x.body, &said) != nil {
			return nil, fault.Unsure(x.unreadable())
		}
		for _, raw := range said.Messages {
			raw.message.Channel = channel
			all = append(all, raw.message)
		}
		if cursor = said.Meta.Cursor; cursor == "" {
			return all, nil
		}
	}
	return all, fault.Kill("", errTooMuch)
}

// rawMessage is a message that may be badly typed, which spoils no other.
type rawMessage struct{ message }

// UnmarshalJSON implements json.Unmarshaler.
func (r *rawMessage) UnmarshalJSON(body []byte) error {
	if decode(body, &r.message) != nil {
		r.message = message{}
	}
	return nil
}

// page reads one page of a history, with metadata.
func (b *Bridge) page(ctx context.Context, channel, thread string, since time.Time, cursor string) (*exchange, error) {
	oldest := timestamp(since)
	if thread != "" {
		return b.call(ctx, "conversations.replies", func(ctx context.Context, api *slackapi.Client) error {
			_, _, _, err := api.GetConversationRepliesContext(ctx, &slackapi.GetConversationRepliesParameters{
				ChannelID: channel, Timestamp: thread, Oldest: oldest, Cursor: cursor, Limit: pageSize, IncludeAllMetadata: true,
			})
			return err
		})
	}
	return b.call(ctx, "conversations.history", func(ctx context.Context, api *slackapi.Client) error {
		_, err := api.GetConversationHistoryContext(ctx, &slackapi.GetConversationHistoryParameters{
			ChannelID: channel, Oldest: oldest, Cursor: cursor, Limit: pageSize, IncludeAllMetadata: true,
		})
		return err
	})
}

// looks lets those who look for posts in one place share what is read. Nobody is given what began to be read before they asked.
type looks struct {
	mu    sync.Mutex
	going map[string]*reading
}

// reading is that somebody reads, and who waits for the next time.
type reading struct{ next *look }

type look struct {
	since time.Time
	done  chan struct{}
	found []message
	err   error
}

// look reads with read, or has somebody else read for it.
func (ls *looks) look(ctx context.Context, p bridges.Place, since time.Time, read func(context.Context, time.Time) ([]message, error)) ([]message, error) {
	at := p.Channel + "/" + p.Thread
	ls.mu.Lock()
	if ls.going == nil {
		ls.going = map[string]*reading{}
	}
	if going := ls.going[at]; going != nil {
		l := going.next
		if l == nil {
			l = &look{since: since, done: make(chan struct{})}
			going.next = l
		} else if since.Before(l.since) {
			l.since = since
		}
		ls.mu.Unlock()
		select {
		case <-l.done:
			return l.found, l.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	going := &reading{}
	ls.going[at] = going
	ls.mu.Unlock()
	found, err := read(ctx, since)
	ls.others(ctx, at, going, read)
	return found, err
}

// others reads for those who have asked meanwhile.
func (ls *looks) others(ctx context.Context, at string, going *reading, read func(context.Context, time.Time) ([]message, error)) {
	for {
		ls.mu.Lock()
		l := going.next
		going.next = nil
		if l == nil {
			delete(ls.going, at)
			ls.mu.Unlock()
			return
		}
		since := l.since
		ls.mu.Unlock()
		l.found, l.err = read(ctx, since)
		close(l.done)
	}
}
