package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/avatar"
	"avatarbridge/cmd/avatarbridge-load/internal/child"
	"avatarbridge/cmd/avatarbridge-load/internal/discord"
	"avatarbridge/cmd/avatarbridge-load/internal/figure"
	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/slack"
	"avatarbridge/cmd/avatarbridge-load/internal/telegram"
	"avatarbridge/cmd/avatarbridge-load/internal/web"
)

// A deadly step is one of the wire at which the program is killed.
type deadly struct {
	step    string
	forgets bool // it is reached only when a session is lost
}

// deadlySteps are those of the platforms and the avatar.
func (b *Bench) deadlySteps() []deadly {
	var all []deadly
	add := func(forgets bool, steps ...string) {
		for _, s := range steps {
			all = append(all, deadly{s, forgets})
		}
	}
	if b.has(Telegram) {
		add(false, telegram.Introduced, telegram.UpdateHandedOut, telegram.OffsetConfirmed, telegram.SendReceived, telegram.SendAnswered)
	}
	if b.hasBridge(TelegramWebhook) {
		add(false, telegram.HookSet)
	}
	if b.has(Discord) {
		add(false, discord.Introduced, discord.Resumed, discord.EventSent, discord.PostReceived, discord.PostAnswered)
		add(true, discord.Identified, discord.HistoryAsked)
	}
	if b.has(Slack) {
		add(false, slack.Introduced, slack.PersonAsked, slack.EnvelopeSent, slack.Acknowledged, slack.PostReceived, slack.PostAnswered)
	}
	if b.hasBridge(Slack) {
		add(false, slack.SocketOpened)
	}
	if b.has(Web) {
		add(false, web.PageLoaded, web.StreamOpened, web.MessagePosted, web.MessageTaken, web.ReplyStreamed)
	}
	add(false, avatar.Asked, avatar.Answered)
	if slices.ContainsFunc(b.avatars(), func(kind string) bool { return kind != "webhook" }) {
		add(false, avatar.TokenAsked)
	}
	if slices.Contains(b.avatars(), "voximplant") {
		add(false, avatar.Called, avatar.Taken)
	}
	return all
}

// crashSteps kills at each step in turn: at its first, third and tenth time.
func crashSteps(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	kills := 0
	fates := map[string]*ledger.Sum{}
	steps := b.deadlySteps()
	for _, d := range steps {
		k, err := b.killAt(ctx, who, r, d, fates)
		if err != nil {
			return fmt.Errorf("%s: %w", d.step, err)
		}
		if k == 0 {
			r.Broken = append(r.Broken, fmt.Sprintf("the step %q was never reached", d.step))
		}
		kills += k
	}
	r.Add("steps", "", float64(len(steps)))
	r.Add("kills", "", float64(kills))
	for _, kind := range Platforms() {
		s, prefix := fates[kind], kind+": "
		if s == nil {
			continue
		}
		if len(fates) == 1 {
			prefix = ""
		}
		r.Add(prefix+"lost", "", float64(s.Lost))
		r.Add(prefix+"doubled", "", float64(s.Doubled))
		r.Add(prefix+"out of order", "", float64(s.Disordered))
		r.Add(prefix+"asked twice", "", float64(s.AskedTwice))
		if kind == Telegram {
			r.Add(prefix+"in flight at the kills", "", float64(s.Unsure))
		}
	}
	return nil
}

// each is how many messages a chat writes in a trial of one step.
const each = 10

// killAt makes a trial of one step and returns how often it killed. It adds what became of the messages on each platform.
func (b *Bench) killAt(ctx context.Context, who string, r *figure.Result, d deadly, fates map[string]*ledger.Sum) (kills int, err error) {
	var armed atomic.Bool
	var seen, killed atomic.Int64
	t, err := b.newTrial(who, setup{mode: r.Mode, chats: 8 * max(len(b.Bridges), 1), each: each,
		posted: func(t *trial, chat, n int) {
			if armed.Load() && n+1 < each {
				t.write(chat, n+1)
			}
		},
		step: func(t *trial, name string) {
			if name != d.step || !armed.Load() {
				return
			}
			// What was reached goes on only when the program is dead.
			if n := seen.Add(1); n == 1 || n == 3 || n == 10 {
				killed.Add(1) // before it is dead: who finds it dead asks how often it was killed
				t.process().Kill()
			}
		}})
	if err != nil {
		return 0, err
	}
	defer t.close()
	first, err := t.greet(ctx, d)
	if err != nil {
		return 0, err
	}
	armed.Store(true)
	for c := range t.ledger.Chats() {
		t.write(c, first)
	}
	deaths, err := t.persist(ctx, t.ledger.Chats()*each)
	if err != nil {
		return 0, err
	}
	if deaths > int(killed.Load()) {
		r.Broken = append(r.Broken, fmt.Sprintf("killed at %q: it died by itself; its log ends with\n%s", d.step, child.Log(t.dir, 2000)))
	}
	t.tally(r, d, fates)
	return int(killed.Load()), nil
}

// tally adds what became of the messages of a trial of one step, and says which promises were not kept.
func (t *trial) tally(r *figure.Result, d deadly, fates map[string]*ledger.Sum) {
	for _, kind := range t.kinds() {
		s, all := t.ledger.SumOf(t.on(kind)), fates[kind]
		if all == nil {
			all = &ledger.Sum{}
			fates[kind] = all
		}
		all.Lost += s.Lost
		all.Doubled += s.Doubled
		all.Disordered += s.Disordered
		all.AskedTwice += s.AskedTwice
		all.Unsure += s.Unsure
		if s.Lost > 0 || s.Disordered > 0 || s.Doubled > s.DoubledDue || s.AskedTwice > s.AskedDue {
			r.Broken = append(r.Broken, fmt.Sprintf("killed at %q: on %s, of %d messages %d are lost, %d out of order, %d doubled, where %d may be, %d asked twice, where %d may be",
				d.step, kind, s.Written, s.Lost, s.Disordered, s.Doubled, s.DoubledDue, s.AskedTwice, s.AskedDue))
		}
	}
	if s := t.ledger.Sum(); s.Strange > 0 || s.Written < t.ledger.Chats()*each {
		r.Broken = append(r.Broken, fmt.Sprintf("killed at %q: %d messages were written, %d posts or questions are strange", d.step, s.Written, s.Strange))
	}
	if t.inFlight > maxInFlight {
		r.Broken = append(r.Broken, fmt.Sprintf("killed at %q: %d posts of one bridge were in flight, where max_in_flight is %d", d.step, t.inFlight, maxInFlight))
	}
}

// greet lets everybody write once where the program has to have heard of people before it can look for what it missed of theirs: Discord keeps
// nothing for a bot that was never there. It leaves the program dead, and returns which message is the next.
func (t *trial) greet(ctx context.Context, d deadly) (next int, err error) {
	if !slices.Contains(t.kinds(), Discord) {
		return 0, nil
	}
	if _, err := t.start(ctx); err != nil {
		return 0, err
	}
	for c := range t.ledger.Chats() {
		t.write(c, 0)
	}
	if err := t.answered(ctx, 0); err != nil {
		return 0, err
	}
	if err := t.kill(ctx); err != nil {
		return 0, err
	}
	if d.forgets {
		t.forget()
	}
	return 1, nil
}

// persist starts the program again whenever it is dead, until n messages have a reply or nothing moves. It returns how often it found it dead.
func (t *trial) persist(ctx context.Context, n int) (deaths int, err error) {
	if err := t.launch(); err != nil {
		return 0, err
	}
	last, moved := -1, time.Now()
	for {
		select {
		case <-t.process().Dead():
			deaths++
			if err := errors.Join(t.takeStock(ctx), t.launch()); err != nil {
				return deaths, err
			}
		default:
		}
		_, asked, answered := t.ledger.Counts()
		if now := asked + answered; now != last {
			last, moved = now, time.Now()
		}
		if answered >= n || time.Since(moved) > t.Patience {
			return deaths, nil
		}
		if err := rest(ctx, look); err != nil {
			return deaths, err
		}
	}
}
