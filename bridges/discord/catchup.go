package discord

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

const (
	// maxPlaces is how many places are looked through after a gap, the newest first.
	maxPlaces = 2000
	// maxFar is in how many channels of a shard's gap a restart goes on where the program was. Others are looked through again from the gap's begin,
	// and what is found twice is known by its key.
	maxFar = 100
	// opensWithin is how long a channel that was looked through waits for others.
	opensWithin = 150 * time.Millisecond
	// gapSlack is how much earlier than the last sign of life a gap may have begun. What is found twice is known by its key.
	gapSlack = 30 * time.Second
)

// begin notes a shard's new session, and looks for what was written since the one before.
func (in *intake) begin(ctx context.Context, it *item) {
	p := in.progress()[it.shard]
	isNew := p.since().IsZero()
	in.points[it.shard] = point{session: *it.begins, At: it.at.UnixMilli(), Far: in.points[it.shard].Far}
	in.toldAt = time.Time{} // a program that dies before it is stored asks for the session before, waits for seconds, and does not hear who writes for the first time
	in.catchUp(ctx, it.shard, p.since(), isNew)
}

// catchUp looks for what a shard has missed since then. A bot that is new has missed nothing where it does not know that somebody talked.
func (in *intake) catchUp(ctx context.Context, shard int, since time.Time, isNew bool) {
	if oldest := time.Now().Add(-in.bridge.cfg.catchUp()); since.Before(oldest) {
		since = oldest
	}
	after := idAt(in.bridge.theirTime(since))
	jobs := in.jobs(ctx, shard)
	for _, j := range jobs {
		j.after = after
		in.look(ctx, j)
	}
	in.points[shard].Gap = 0
	if isNew {
		after = 0
	}
	if in.expect(shard, after, jobs); len(jobs) > 0 || in.gaps[shard] != nil {
		in.points[shard].Gap = since.UnixMilli()
	}
	in.log.Info("looking for what was written while there was no connection", "shard", shard, "since", since.UTC().Format(time.RFC3339), "channels", len(jobs))
}

// jobs are for the channels in which a shard's gap may have something. Direct messages all come to the first shard.
func (in *intake) jobs(ctx context.Context, shard int) []job {
	var known []bridges.Place
	pause := fault.Backoff{Least: 50 * time.Millisecond, Most: 5 * time.Second}
	for {
		var err error
		if known, err = in.rx.Places(ctx, maxPlaces); err == nil {
			break
		}
		in.log.Error("cannot read where people talked", "err", err)
		if pause.Wait(ctx, nil) != nil {
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

// step passes on what a step of a job found. Its channel's gate stays closed: the next step is under way.
func (in *intake) step(r *result) {
	in.log.Info("much was written in a channel while there was no connection: it is looked through in steps", "channel", r.channel, "messages", r.read)
	for i := range r.missed {
		in.passOn(&r.missed[i])
	}
	if p := &in.points[r.shard]; len(p.Far) < maxFar || p.Far[r.channel] > 0 {
		if p.Far == nil {
			p.Far = map[id]uint64{}
		}
		p.Far[r.channel] = max(p.Far[r.channel], r.after)
	}
}

// passOn has what was held back stored next.
func (in *intake) passOn(h *heard) {
	if in.place(h); in.settle(h) {
		in.ready = append(in.ready, h.Event)
	}
}

// found takes the end of a job. Gates open together, so that what people wrote in several channels stays in order, but none waits long for
// others.
func (in *intake) found(r *result) {
	if r.guild != "" && in.tree.guildOf(r.channel) == "" {
		in.tree.put(channel{ID: r.channel}, r.guild) // what is nearer is not to be had
	}
	if r.more {
		in.step(r)
		return
	}
	g := in.gate(string(r.channel))
	g.past = append(g.past, r.missed...)
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
		in.passOn(&all[i].heard)
	}
	in.close(time.Now())
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
