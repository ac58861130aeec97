package discord

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"avatarbridge/bridges/fault"
)

const (
	// maxMissed is how many messages of people are caught up in a channel, and maxRead in how many messages they are looked for: those of bots, the
	// avatar's own among them, are read and left.
	maxMissed = 2000
	maxRead   = 20_000
	// historyPage is the most that Discord gives at once.
	historyPage = 100
	// lookers are how many channels are looked through at once: with an answer in a tenth of a second, below 50 requests a second.
	lookers = 4
)

// A job is something to be found out about a channel.
type job struct {
	channel id
	direct  bool
	guild   id     // where that is known
	shard   int    // whose gap it is
	role    bool   // whether the bot has a role of its own is asked too
	after   uint64 // messages with higher ids are looked for; 0: only where the channel is

	found []message // by people so far, in order
	read  int       // so far, with those of bots
	done  bool      // all of it was read
}

// A result is the end of a job.
type result struct {
	job
	missed []heard
}

// A lookout does jobs in the background, in order.
type lookout struct {
	*listener
	slots chan struct{}
	work  sync.WaitGroup
}

func (l *lookout) start(ctx context.Context, j job, results chan<- result) {
	l.work.Go(func() {
		var missed []heard
		l.safely(func() { missed = l.do(ctx, j) })
		select {
		case results <- result{j, missed}:
		case <-ctx.Done():
		}
	})
}

// do finds out what a job wants to know, for as long as it takes.
func (l *lookout) do(ctx context.Context, j job) []heard {
	pause := fault.Backoff{Least: l.bridge.least, Most: 30 * time.Second}
	for {
		missed, err := l.inTurn(ctx, &j)
		switch {
		case err == nil || ctx.Err() != nil:
			return missed
		case statusOf(err) == http.StatusForbidden || statusOf(err) == http.StatusNotFound || statusOf(err) == http.StatusBadRequest:
			l.log.Debug("a channel cannot be looked through", "channel", j.channel, "err", err)
			return nil
		}
		l.log.Debug("a channel cannot be looked through now; trying again", "channel", j.channel, "err", err)
		if pause.Wait(ctx, err) != nil {
			return nil
		}
	}
}

// inTurn tries when few others do. Who waits for another attempt takes nobody's turn.
func (l *lookout) inTurn(ctx context.Context, j *job) ([]heard, error) {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-l.slots }()
	return l.try(ctx, j)
}

// try goes on with a job from where it was.
func (l *lookout) try(ctx context.Context, j *job) ([]heard, error) {
	guild := id("")
	if !j.direct {
		if j.role {
			if err := l.learnRole(ctx, j.guild); err != nil {
				return nil, err
			}
		}
		var err error
		if guild, err = l.locate(ctx, j.channel); err != nil || j.after == 0 {
			return nil, err
		}
	}
	if guild != "" && int(guild.number()>>22)%l.shards != j.shard {
		return nil, nil // another shard's
	}
	for !j.done {
		page, err := l.bridge.history(ctx, j.channel, j.after)
		if err != nil {
			return nil, err
		}
		full, last := len(page) == historyPage, j.after
		if len(page) > 0 {
			last = page[len(page)-1].ID.number()
		}
		j.read += len(page)
		j.found = append(j.found, slices.DeleteFunc(page, func(m message) bool { return bool(m.Author.Bot) })...)
		enough := len(j.found) >= maxMissed || j.read >= maxRead
		if !full || enough || last <= j.after {
			if j.done = true; full && enough {
				l.log.Warn("too much was written meanwhile: the channel is not looked through to its end", "channel", j.channel, "messages", j.read)
			}
			break
		}
		j.after = last
	}
	if slices.ContainsFunc(j.found, func(m message) bool { return len(m.Roles) > 0 }) {
		if err := l.learnRole(ctx, guild); err != nil {
			return nil, err
		}
	}
	return l.missed(ctx, j.found, guild), nil
}

// locate finds out what the channel is in, "" for direct messages.
func (l *listener) locate(ctx context.Context, c id) (guild id, err error) {
	for range 4 { // a thread, its channel, that one's category
		_, missing := l.tree.within(c)
		if missing == "" {
			return l.tree.guildOf(c), nil
		}
		var ch channel
		if err := l.bridge.get(ctx, "GET /channels", "/channels/"+string(missing), &ch); err != nil {
			if missing != c && statusOf(err) != 0 && statusOf(err) != http.StatusTooManyRequests && statusOf(err) < 500 {
				l.tree.put(channel{ID: missing}, l.tree.guildOf(c)) // a category that the bot may not see
				continue
			}
			return "", err
		}
		if ch.Guild == "" {
			return "", nil
		}
		ch.ID = missing
		l.tree.put(ch, ch.Guild)
	}
	return "", errors.New("a channel is in itself")
}

// missed makes events of messages of one channel. Messages that are read so do not say who their writers are in the guild.
func (l *lookout) missed(ctx context.Context, all []message, guild id) []heard {
	var events []heard
	members := map[id]*member{}
	for i := range all {
		m := &all[i]
		m.Guild = guild
		h, ok := l.written(m)
		if !ok || !l.settle(&h) {
			continue
		}
		if guild != "" && (h.Addressed || l.bridge.cfg.ReadsRooms) {
			who, known := members[m.Author.ID]
			if !known {
				who = l.member(ctx, guild, m.Author.ID)
				members[m.Author.ID] = who
			}
			m.Member = who
			h, _ = l.written(m) // of which it is sure by now
		}
		events = append(events, h)
	}
	return events
}

// member asks who somebody is in a guild; nil when they are nobody there any more, or Discord does not say.
func (l *lookout) member(ctx context.Context, guild, who id) *member {
	var m member
	if err := l.bridge.get(ctx, "GET /guilds/members", fmt.Sprintf("/guilds/%s/members/%s", guild, who), &m); err != nil {
		l.log.Debug("cannot find out which roles somebody has", "err", err)
		return nil
	}
	return &m
}

// history returns messages of a channel with ids above after, the oldest first, at most historyPage.
func (b *Bridge) history(ctx context.Context, c id, after uint64) ([]message, error) {
	var raw []json.RawMessage
	path := fmt.Sprintf("/channels/%s/messages?limit=%d&after=%s", c, historyPage, decimal(after))
	x, err := b.call(ctx, &request{method: http.MethodGet, path: path, name: "GET /channels/messages", bucket: "history/" + string(c)})
	if err != nil {
		return nil, err
	}
	if x.broken || json.Unmarshal(x.body, &raw) != nil {
		return nil, fmt.Errorf("GET /channels/messages: %w", &fault.Outcome{Err: errUnreadable})
	}
	list := make([]message, 0, len(raw))
	for _, r := range raw {
		var m message
		_ = json.Unmarshal(r, &m) // one that cannot be read keeps its place without a text
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b message) int { return cmp.Compare(a.ID.number(), b.ID.number()) })
	return list, nil
}
