package slack

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/slack-go/slack/socketmode"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// nameWait is how long the names of mentioned people are waited for: an id in their place does no harm.
const nameWait = time.Second

// take has what is in env understood and stored, then calls done with true; with false when it is to be offered again. Calls of done
// come from several goroutines, each once.
func (l *listener) take(ctx context.Context, env envelope, done func(stored bool)) {
	switch env.Type {
	case socketmode.RequestTypeEventsAPI:
		l.takeCallback(ctx, env.Payload, done)
	case socketmode.RequestTypeSlashCommands:
		l.takeCommand(ctx, env.Payload, done)
	default:
		l.log.Debug("left out an envelope of another kind", "type", harmless(env.Type))
		done(true)
	}
}

func (l *listener) takeCallback(ctx context.Context, body []byte, done func(stored bool)) {
	c, m, err := readCallback(body)
	if err != nil {
		l.log.Warn("left out an event that cannot be read", "err", err)
		done(true)
		return
	}
	switch m.Type {
	case "message", "app_mention", "assistant_thread_started":
		within := c.within(&l.me)
		l.lookAhead(&m)
		l.inLane(ctx, m.Channel, m.when(), done, func() (bridges.Event, bool, error) { return l.event(ctx, &m, within) })
		return
	case "app_uninstalled", "tokens_revoked":
		l.doubts()
	}
	if c.Type == "app_rate_limited" {
		l.log.Warn("Slack leaves out events of this workspace, for there are more than 30,000 an hour")
	}
	done(true)
}

// lookAhead has Slack asked who wrote what will be heard, while earlier events of the channel are stored: many people may write at once.
func (l *listener) lookAhead(m *message) {
	if m.User == "" || !m.written() || m.Bot != "" || m.own(&l.me) {
		return
	}
	if addressed, _ := l.addressed(m); addressed || l.cfg.ReadsRooms {
		_, _ = l.people.lookup(m.User) // whoever handles the event asks again, and sees the error
	}
}

// inLane understands and stores one event behind the earlier ones of its channel.
func (l *listener) inLane(ctx context.Context, channel string, at time.Time, done func(stored bool),
	understand func() (bridges.Event, bool, error)) {
	taken := l.lanes.do(channel, at, func() {
		stored := false
		defer func() { done(stored) }()
		e, ok, err := understand()
		if err != nil {
			if ctx.Err() == nil {
				l.log.Warn("an event has to wait: nothing is known of who wrote", "err", err)
			}
			return
		}
		stored = !ok || l.store(ctx, e)
	})
	if !taken {
		l.log.Warn("too many events wait to be stored; Slack will offer this one again")
		done(false)
	}
}

// store offers an event until it is stored. It reports false when ctx has ended.
func (l *listener) store(ctx context.Context, e bridges.Event) bool {
	pause := fault.Backoff{Least: 50 * time.Millisecond, Most: 5 * time.Second}
	for {
		err := l.rx.Receive(ctx, bridges.Batch{Events: []bridges.Event{e}})
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		l.log.Error("a message is not stored, and not confirmed to Slack", "error", err)
		if pause.Wait(ctx, nil) != nil {
			return false
		}
	}
}

// event makes an event of what Slack tells; false when there is nothing to hear in it. An error means that it is to be offered again.
func (l *listener) event(ctx context.Context, m *message, within []string) (bridges.Event, bool, error) {
	switch {
	case m.Type == "assistant_thread_started":
		return l.greeted(ctx, m, within)
	case m.Subtype == "message_deleted":
		return l.deleted(m, m.DeletedTS)
	case m.Subtype == "message_changed" && m.Message != nil:
		return l.changed(ctx, m, within)
	case !m.written() || m.own(&l.me):
		return bridges.Event{}, false, nil
	}
	return l.heard(ctx, m, within, l.cfg.ReadsRooms)
}

// greeted is the opening of an assistant thread.
func (l *listener) greeted(ctx context.Context, m *message, within []string) (bridges.Event, bool, error) {
	from, ok, err := l.person(ctx, m.Assistant.User, m.Channel, within)
	if !ok {
		return bridges.Event{}, false, err
	}
	l.directs.add(m.Channel)
	return bridges.Event{
		Kind: bridges.Command, Command: "start", Key: "opened/" + key(m.Channel, m.Assistant.Thread), At: timeOf(m.Assistant.Thread), From: from,
		Place: bridges.Place{Channel: m.Channel, Thread: m.Assistant.Thread, Direct: true}, Within: within, Addressed: true,
	}, true, nil
}

func (l *listener) deleted(m *message, ts string) (bridges.Event, bool, error) {
	if ts == "" || m.Previous != nil && (m.Previous.own(&l.me) || m.Previous.Bot != "") {
		return bridges.Event{}, false, nil
	}
	return bridges.Event{
		Kind: bridges.Deleted, Target: key(m.Channel, ts), At: timeOf(m.TS), Place: bridges.Place{Channel: m.Channel, Direct: m.isDirect()},
	}, true, nil
}

// changed is a message that was edited, or deleted while it had replies. Previews and the like change it without an edit.
func (l *listener) changed(ctx context.Context, m *message, within []string) (bridges.Event, bool, error) {
	now := *m.Message
	now.Type, now.Channel, now.ChannelType = "message", m.Channel, m.ChannelType
	switch {
	case now.Subtype == "tombstone":
		return l.deleted(m, now.TS)
	case !now.written() || now.own(&l.me) || timeOf(now.TS).IsZero() || m.Previous != nil && m.Previous.Text == now.Text:
		return bridges.Event{}, false, nil
	}
	before := now
	if m.Previous != nil {
		before.Text = m.Previous.Text
	}
	was, _ := l.addressed(&before)
	e, ok, err := l.heard(ctx, &now, within, was || l.cfg.ReadsRooms || m.Previous == nil)
	if !ok || e.Kind == bridges.Command {
		return bridges.Event{}, false, err // a command was obeyed when it was written
	}
	e.Kind, e.Target, e.Key, e.At = bridges.Edited, e.Key, "", timeOf(m.TS)
	return e, true, nil
}

// heard is a message that somebody wrote. Unless all is wanted, what is not said to the avatar is left out before anybody asks who said it.
func (l *listener) heard(ctx context.Context, m *message, within []string, all bool) (bridges.Event, bool, error) {
	e := bridges.Event{
		Kind: bridges.Written, Key: key(m.Channel, m.TS), At: timeOf(m.TS), Place: m.place(), Message: m.TS, Within: within,
		Attachments: m.attachments(),
	}
	named := false
	e.Addressed, named = l.addressed(m)
	text := behindMentions(m.Text, l.me.User)
	if !e.Addressed && (!all || text == "" && len(e.Attachments) == 0) {
		return bridges.Event{}, false, nil
	}
	if m.Bot != "" || m.User == "" {
		e.From, e.Text = bridges.Person{Platform: "slack", Tenant: m.UserTeam, User: or(m.User, m.Bot), Bot: true}, text
		return e, true, nil
	}
	from, ok, err := l.person(ctx, m.User, m.Channel, within)
	if !ok {
		return bridges.Event{}, false, err
	}
	e.From, e.Text = from, l.plain(ctx, text)
	if e.Place.Direct {
		l.directs.add(m.Channel)
	} else if named && !from.Bot {
		l.threads.add(key(e.Place.Channel, e.Place.Thread))
	}
	if name := textCommand(e.Text, named); name != "" && e.Addressed {
		e.Kind, e.Command, e.Text, e.Attachments = bridges.Command, name, "", nil
		l.vouch(ctx, &e)
	}
	return e, true, nil
}

// addressed reports whether a message is said to the avatar, and whether it names the avatar.
func (l *listener) addressed(m *message) (addressed, named bool) {
	named = strings.Contains(m.Text, "<@"+l.me.User+">") || strings.Contains(m.Text, "<@"+l.me.User+"|") || m.Type == "app_mention"
	at := m.place()
	return at.Direct || named || l.follows(m, key(at.Channel, at.Thread)), named
}

// follows reports whether a message needs no mention, being in a thread that the avatar takes part in, and not said to somebody else.
func (l *listener) follows(m *message, thread string) bool {
	return l.cfg.FollowThreads && m.Thread != "" && m.Thread != m.TS && (m.ParentUser == l.me.User || l.threads.has(thread)) && !toOthers(m.Text, l.me.User)
}

// plain is a text as people read it.
func (l *listener) plain(ctx context.Context, text string) string {
	names := map[string]string{l.me.User: l.me.Name}
	ctx, cancel := context.WithTimeout(ctx, nameWait)
	defer cancel()
	for _, id := range mentioned(text) {
		if names[id] != "" {
			continue
		}
		if p, err := l.people.get(ctx, id); err == nil {
			names[id] = p.name
		}
	}
	return strings.TrimSpace(plain(text, func(id string) string { return names[id] }))
}

// person describes who wrote. It is false for people who are not answered, of whom the operator is told once; an error means that nobody
// knows yet who it is.
func (l *listener) person(ctx context.Context, id, channel string, within []string) (bridges.Person, bool, error) {
	p, err := l.people.get(ctx, id)
	switch {
	case err != nil && ctx.Err() != nil:
		return bridges.Person{}, false, errors.New("it takes too long to learn who wrote")
	case err != nil:
		return bridges.Person{}, false, err
	case p.guest && !p.bot && !l.cfg.Guests:
		if l.told.add(id) {
			l.log.Info("somebody wrote who is a guest, or of another organisation: to answer them, set guests = true", "user", id, "channel", channel)
		}
		return bridges.Person{}, false, nil
	}
	who := bridges.Person{Platform: "slack", Tenant: or(p.tenant(), l.me.Team), User: id, Name: p.name, Locale: p.locale, Bot: p.bot}
	if len(l.cfg.Groups) == 0 || p.bot {
		return who, true, nil
	}
	roles, known, err := l.roles(ctx, id, or(workspace(within), p.team))
	who.Roles = roles
	return who, known, err
}
