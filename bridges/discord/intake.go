package discord

import (
	"context"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

const (
	// intakeSize is how many events may wait to be stored before the connections wait too.
	intakeSize = 1024
	// batchSize is how many are stored at once.
	batchSize = 100
	// cursorEvery is how often it is stored how far all is, when there is nothing else to store. Events that come again after a crash
	// are known by their keys.
	cursorEvery = 5 * time.Second
	// tickEvery is how often it is looked whether a gap is over, and whether how far all is has to be stored.
	tickEvery = 500 * time.Millisecond
	// maxGated bounds what waits for news about its channel before the connections wait too.
	maxGated = 20_000
)

// A heard is an event on its way to be stored, with what an intake must know of it.
type heard struct {
	bridges.Event
	guild  id       // "" in direct messages
	answer answer   // of a command; the zero value for anything else
	unsure *message // what it was made of, while it is not known whether that mentions the bot's role; else nil
}

// An intake stores what the shards hear, in order. It is one goroutine that owns all of it.
type intake struct {
	*listener
	points  []point // how far each shard has come
	gates   map[string]*gate
	gated   int // events behind gates
	ready   []bridges.Event
	results chan result
	pending int         // jobs that have not ended
	opens   *time.Timer // when gates whose jobs have ended open; they wait for each other a little
	opening bool        // it runs
	told    string      // the cursor that was stored last
	toldAt  time.Time   // when; the zero time when it has to be at once
	looks   *lookout
	gaps    map[int]*gap // of shards whose guilds are still being named
}

// A gate holds back what comes in a channel until it is known what was missed there, or where it is.
type gate struct {
	jobs    int
	past    []heard // what was missed, as found in the history
	waiting []held
	behind  []mark // what has come, and counts as not come until the gate opens
}

// held is an event behind a gate.
type held struct {
	heard
	mark
}

// A mark is where in a session something came.
type mark struct {
	shard   int
	session string
	seq     int64
	at      time.Time
}

func (it *item) mark() mark { return mark{it.shard, it.session, it.seq, it.at} }

// run stores what comes until ctx ends.
func (in *intake) run(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	in.toldAt, in.opens = time.Now(), time.NewTimer(time.Hour)
	defer in.opens.Stop()
	for i := range in.points { // a gap that was still open when the program ended
		if p := &in.points[i]; p.ID != "" && p.Gap > 0 {
			in.catchUp(ctx, i, time.UnixMilli(p.Gap), false)
		}
	}
	for {
		items := in.items
		if in.gated >= maxGated {
			items = nil
		}
		select {
		case it := <-items:
			in.take(ctx, &it)
		case r := <-in.results:
			in.found(&r)
		case <-in.opens.C:
			in.open()
		case now := <-tick.C:
			in.close(now)
		case <-ctx.Done():
			return
		}
		in.more(ctx)
		if in.store(ctx) != nil {
			return
		}
	}
}

// more takes what else is there already, so that it is stored at once.
func (in *intake) more(ctx context.Context) {
	for range batchSize {
		if len(in.ready) >= batchSize || in.gated >= maxGated {
			return
		}
		select {
		case it := <-in.items:
			in.take(ctx, &it)
		case r := <-in.results:
			in.found(&r)
		default:
			return
		}
	}
}

// take puts an item's events where they belong.
func (in *intake) take(ctx context.Context, it *item) {
	p := &in.points[it.shard]
	if it.begins != nil {
		in.begin(ctx, it)
		return
	}
	if it.session != p.ID {
		p.session = session{ID: it.session, URL: p.URL} // resumed after a restart
	}
	for i := range it.events {
		in.event(ctx, it, &it.events[i])
	}
	in.recent(ctx, it)
	p.Seq, p.At = max(p.Seq, it.seq), it.at.UnixMilli()
}

// event lets an event through, or holds it back while its channel is not known.
func (in *intake) event(ctx context.Context, it *item, h *heard) {
	name := h.Place.Channel
	g := in.gates[name]
	if g == nil && in.place(h) && in.sure(h) {
		if in.settle(h) {
			in.ready = append(in.ready, h.Event)
		}
		return
	}
	if g == nil {
		g = in.gate(name)
		in.look(ctx, job{channel: id(name), guild: h.guild, role: h.unsure != nil})
	}
	g.waiting = append(g.waiting, held{*h, it.mark()})
	in.gated++
}

// sure reports whether it is known, or can be said by now, whether the event is for the bot.
func (in *intake) sure(h *heard) bool {
	if h.unsure == nil {
		return true
	}
	_, sure := in.called(h.unsure)
	return sure
}

// place says what the event's channel is in; false when that has to be asked for.
func (in *intake) place(h *heard) bool {
	if h.guild == "" || h.Kind == bridges.Deleted {
		return true
	}
	within, missing := in.tree.within(id(h.Place.Channel))
	if h.Within = within; missing != "" {
		h.Within = []string{string(h.guild)}
	}
	return missing == ""
}

func (in *intake) gate(name string) *gate {
	g := in.gates[name]
	if g == nil {
		g = &gate{}
		in.gates[name] = g
	}
	return g
}

// look starts a job, behind whose end the channel's gate opens.
func (in *intake) look(ctx context.Context, j job) {
	if j.after > 0 {
		j.after = max(j.after, in.points[j.shard].Far[j.channel])
	}
	in.gate(string(j.channel)).jobs++
	in.pending++
	in.looks.start(ctx, j, in.results)
}

// store stores what is ready, and how far all is. It offers a batch until it is taken; the error is ctx's.
func (in *intake) store(ctx context.Context) error {
	now := time.Now()
	for len(in.ready) > 0 {
		n := min(len(in.ready), batchSize)
		b := bridges.Batch{Events: in.ready[:n:n]}
		if n == len(in.ready) && (in.addressed(b.Events) || now.Sub(in.toldAt) >= cursorEvery) {
			b.Cursor = in.cursor()
		}
		if err := in.offer(ctx, b, now); err != nil {
			return err
		}
		in.ready = in.ready[n:]
	}
	in.ready = nil
	if now.Sub(in.toldAt) < cursorEvery {
		return nil
	}
	in.toldAt = now
	if c := in.cursor(); c != in.told && in.rx.Receive(ctx, bridges.Batch{Cursor: c}) == nil { // if it fails, the next one says it
		in.told = c
	}
	return nil
}

// addressed reports whether the relay will store something of the batch anyhow, so that the cursor costs nothing.
func (in *intake) addressed(events []bridges.Event) bool {
	for i := range events {
		if e := &events[i]; e.Addressed || e.Kind == bridges.Command || in.bridge.cfg.ReadsRooms {
			return true
		}
	}
	return false
}

func (in *intake) offer(ctx context.Context, b bridges.Batch, now time.Time) error {
	pause := fault.Backoff{Least: 50 * time.Millisecond, Most: 5 * time.Second}
	for {
		err := in.rx.Receive(ctx, b)
		if err == nil {
			if b.Cursor != "" {
				in.told, in.toldAt = b.Cursor, now
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		in.log.Error("messages are not stored yet", "events", len(b.Events), "err", err)
		if err := pause.Wait(ctx, nil); err != nil {
			return err
		}
	}
}

// cursor is how far everything that is stored, or in the batch that is about to be, goes.
func (in *intake) cursor() string { return cursor{V: cursorVersion, Shards: in.progress()}.String() }

// progress is how far each shard has come without what is behind gates.
func (in *intake) progress() []point {
	points := append([]point(nil), in.points...)
	without := func(m mark) {
		p := &points[m.shard]
		if m.session == p.ID {
			p.Seq = min(p.Seq, m.seq-1)
		} else if gap := m.at.Add(-gapSlack).UnixMilli(); p.Gap == 0 || gap < p.Gap {
			p.Gap = gap // that session cannot be gone on with any more
		}
		p.At = min(p.At, m.at.UnixMilli())
	}
	for _, g := range in.gates {
		for i := range g.waiting {
			without(g.waiting[i].mark)
		}
		for _, m := range g.behind {
			without(m)
		}
	}
	return points
}
