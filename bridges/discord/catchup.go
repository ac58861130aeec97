package discord

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

const (
	// maxPlaces is how many places are looked through after a gap, the newest first.
	maxPlaces = 2000
	// maxMissed is how many messages of a channel are caught up.
	maxMissed = 1000
	// historyPage is the most that Discord gives at once.
	historyPage = 100
	// lookers are how many channels are looked through at once: with an answer in a tenth of a second, below 50 requests a second.
	lookers = 4
	// opensWithin is how long a channel that was looked through waits for others.
	opensWithin = 150 * time.Millisecond
	// gapSlack is how much earlier than the last sign of life a gap may have begun. What is found twice is known by its key.
	gapSlack = 30 * time.Second
)

// A job is something to be found out about a channel.
type job struct {
	channel id
	direct  bool
	guild   id     // where that is known
	shard   int    // whose gap it is
	after   uint64 // messages with higher ids are looked for; 0: only where the channel is

	found []message // so far, in order
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
		select {
		case l.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		missed := l.do(ctx, j)
		<-l.slots
		select {
		case results <- result{j, missed}:
		case <-ctx.Done():
		}
	})
}

// begin notes a shard's new session, and looks for what was written since the one before.
func (in *intake) begin(ctx context.Context, it *item) {
	p := in.progress()[it.shard]
	oldest := it.at.Add(-in.bridge.cfg.catchUp())
	since := p.since().Add(-gapSlack)
	if since.Before(oldest) {
		since = oldest
	}
	in.points[it.shard] = point{session: *it.begins, At: it.at.UnixMilli()}
	in.catchUp(ctx, it.shard, since)
}

// catchUp looks for what a shard has missed since then.
func (in *intake) catchUp(ctx context.Context, shard int, since time.Time) {
	after := idAt(in.bridge.theirTime(since))
	jobs := in.jobs(ctx, shard)
	for _, j := range jobs {
		j.after = after
		in.look(ctx, j)
	}
	in.points[shard].Gap = 0
	if len(jobs) > 0 {
		in.points[shard].Gap = since.UnixMilli()
	}
	in.log.Info("looking for what was written while there was no connection", "shard", shard, "since", since.UTC().Format(time.RFC3339), "channels", len(jobs))
}

// jobs are for the channels in which a shard's gap may have something. Direct messages all come to the first shard.
func (in *intake) jobs(ctx context.Context, shard int) []job {
	var known []bridges.Place
	pause := backoff{least: 50 * time.Millisecond, most: 5 * time.Second}
	for {
		var err error
		if known, err = in.rx.Places(ctx, maxPlaces); err == nil {
			break
		}
		in.log.Error("cannot read where people talked", "err", err)
		if pause.wait(ctx, nil) != nil {
			return nil
		}
	}
	for _, c := range in.bridge.cfg.Rooms {
		known = append(known, bridges.Place{Channel: c})
	}
	var all []job
	seen := map[id]bool{"": true}
	for _, p := range known {
		c := toID(p.Channel)
		if !seen[c] && (!p.Direct || shard == 0) {
			all = append(all, job{channel: c, direct: p.Direct, shard: shard})
		}
		seen[c] = true
	}
	return all
}

// toID is s if it is a snowflake, else "".
func toID(s string) id {
	if n, err := strconv.ParseUint(s, 10, 63); err != nil || n == 0 {
		return ""
	}
	return id(s)
}

// found takes the end of a job. Gates open together, so that what people wrote in several channels stays in order, but none waits long for
// others.
func (in *intake) found(r *result) {
	g := in.gate(string(r.channel))
	g.past = append(g.past, r.missed...)
	if r.guild != "" && in.tree.guildOf(r.channel) == "" {
		in.tree.put(channel{ID: r.channel}, r.guild) // what is nearer is not to be had
	}
	g.jobs--
	in.pending--
	switch {
	case in.pending == 0:
		in.open()
	case !in.opening:
		in.opening = true
		in.opens.Reset(opensWithin)
	}
}

// open opens the gates whose jobs have ended, and closes the gaps when that is all of them.
func (in *intake) open() {
	in.opening = false
	var all []ranked
	for name, g := range in.gates {
		if g.jobs > 0 {
			continue
		}
		delete(in.gates, name)
		in.gated -= len(g.waiting)
		all = append(all, g.inOrder()...)
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	for i := range all {
		h := &all[i].heard
		in.place(h)
		in.ready = append(in.ready, h.Event)
	}
	if in.pending > 0 {
		return
	}
	for i := range in.points {
		in.points[i].Gap = 0
	}
}

// A ranked event has its place among those of other channels: its own id, or that of what came before it in its channel.
type ranked struct {
	heard
	rank uint64
}

// inOrder is what was missed, the oldest first, and then what has come meanwhile. What came in both ways is there once.
func (g *gate) inOrder() []ranked {
	slices.SortStableFunc(g.past, func(a, b heard) int { return cmp.Compare(id(a.Key).number(), id(b.Key).number()) })
	var all []ranked
	seen := map[string]bool{}
	rank := uint64(0)
	add := func(h heard) {
		if h.Key == "" || !seen[h.Key] {
			seen[h.Key] = true
			rank = max(rank, id(h.Key).number())
			all = append(all, ranked{h, rank})
		}
	}
	for _, h := range g.past {
		add(h)
	}
	for _, h := range g.waiting {
		add(h.heard)
	}
	return all
}

// do finds out what a job wants to know, for as long as it takes.
func (l *lookout) do(ctx context.Context, j job) []heard {
	pause := backoff{least: l.bridge.least, most: 30 * time.Second}
	for {
		missed, err := l.try(ctx, &j)
		switch {
		case err == nil || ctx.Err() != nil:
			return missed
		case statusOf(err) == http.StatusForbidden || statusOf(err) == http.StatusNotFound || statusOf(err) == http.StatusBadRequest:
			l.log.Debug("a channel cannot be looked through", "channel", j.channel, "err", err)
			return nil
		}
		l.log.Debug("a channel cannot be looked through now; trying again", "channel", j.channel, "err", err)
		if pause.wait(ctx, err) != nil {
			return nil
		}
	}
}

// try goes on with a job from where it was.
func (l *lookout) try(ctx context.Context, j *job) ([]heard, error) {
	guild := id("")
	if !j.direct {
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
		j.found = append(j.found, page...)
		last := page[max(len(page)-1, 0):]
		if len(page) < historyPage || len(j.found) >= maxMissed || last[0].ID.number() <= j.after {
			j.done = true
			break
		}
		j.after = last[0].ID.number()
	}
	return l.missed(ctx, j.found, guild), nil
}

// locate finds out what the channel is in, "" for direct messages.
func (l *lookout) locate(ctx context.Context, c id) (guild id, err error) {
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
		if !ok {
			continue
		}
		if guild != "" && (h.Addressed || l.bridge.cfg.ReadsRooms) {
			who, known := members[m.Author.ID]
			if !known {
				who = l.member(ctx, guild, m.Author.ID)
				members[m.Author.ID] = who
			}
			m.Member = who
			h, _ = l.written(m)
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
