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
	// A channel with more than stepMissed messages of people, or stepRead in all, is looked through in steps: those of bots, the avatar's own among
	// them, are read and left. What a step found is passed on before the next one begins, so that a long gap takes no more memory than a short one.
	stepMissed = 1000
	stepRead   = 2000
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

	found []message // by people in this step so far, in order
	read  int       // in this step so far, with those of bots
	done  bool      // all of the step was read
	more  bool      // there may be more behind it
}

// A result is the end of a job, or of a step of it.
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
	l.work.Go(func() { l.safely(func() { l.do(ctx, &j, results) }) })
}

// do finds out what a job wants to know, for as long as it takes.
func (l *lookout) do(ctx context.Context, j *job, results chan<- result) {
	pause := fault.Backoff{Least: l.bridge.least, Most: 30 * time.Second}
	for {
		err := l.inTurn(ctx, j, results)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && j.more:
			pause.Reset()
			j.read, j.done = 0, false
			continue
		case err == nil:
			return
		case statusOf(err) == http.StatusForbidden || statusOf(err) == http.StatusNotFound || statusOf(err) == http.StatusBadRequest:
			l.log.Debug("a channel cannot be looked through", "channel", j.channel, "err", err)
			j.found, j.more = nil, false
			tell(ctx, results, result{job: *j})
			return
		}
		l.log.Debug("a channel cannot be looked through now; trying again", "channel", j.channel, "err", err)
		if pause.Wait(ctx, err) != nil {
			return
		}
	}
}

// inTurn tries a step when few others do, and tells what came of it. Who waits for another attempt takes nobody's turn; who waits until it is taken
// does: while nothing can be stored, nothing more is read.
func (l *lookout) inTurn(ctx context.Context, j *job, results chan<- result) error {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.slots }()
	missed, err := l.try(ctx, j)
	if err == nil {
		j.found = nil
		tell(ctx, results, result{*j, missed})
	}
	return err
}

func tell(ctx context.Context, results chan<- result, r result) {
	select {
	case results <- r:
	case <-ctx.Done():
	}
}

// try goes on with a step from where it was.
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
		j.more = full && last > j.after
		j.done = !j.more || len(j.found) >= stepMissed || j.read >= stepRead
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
