package relay

import (
	"slices"
	"sync"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/store"
)

// route finds the settings for a place within others (its category, guild, team); false means that the place is not answered.
func (l *line) route(p bridges.Place, within []string) (*Settings, bool) {
	for i := range l.cfg.Routes {
		channels := l.cfg.Routes[i].Channels
		if l.lists(channels, p.Channel) || slices.ContainsFunc(within, func(id string) bool { return slices.Contains(channels, id) }) {
			return &l.cfg.Routes[i].Settings, true
		}
	}
	return &l.cfg.Default, p.Direct || l.cfg.AllRooms
}

// lists reports whether channels hold the channel, under its present or a former id.
func (l *line) lists(channels []string, channel string) bool {
	if slices.Contains(channels, channel) {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range channels {
		if l.moved[c] == channel {
			return true
		}
	}
	return false
}

// follow notes that a channel has another id, so that routes which list the old one go on.
func (l *line) follow(from, to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.moved == nil {
		l.moved = map[string]string{}
	}
	for old, now := range l.moved {
		if now == from {
			l.moved[old] = to
		}
	}
	l.moved[from] = to
	l.r.holds.follow(l.account, from, to)
}

func (s *Settings) memory(direct bool) store.Memory {
	switch {
	case direct:
		return store.MemoryPerson
	case s.Memory == "":
		return store.MemoryMember
	}
	return s.Memory
}

func (s *Settings) maxAge(direct bool) time.Duration {
	switch {
	case s.MaxAge > 0:
		return s.MaxAge
	case direct:
		return time.Hour
	}
	return 10 * time.Minute
}

func (s *Settings) audio() bridges.AudioMode {
	if s.Audio == "" {
		return bridges.AudioLink
	}
	return s.Audio
}

// forAvatar says whether a message in the place is for the avatar.
func (s *Settings) forAvatar(ev *bridges.Event) bool {
	// A reset without the bot's name is likely meant for it and harms nobody; another bot's start would be answered by a stranger.
	if ev.Place.Direct || ev.Kind == bridges.Command && ev.Command == "reset" {
		return true
	}
	switch s.ReplyWhen {
	case ReplyAlways:
		return true
	case ReplyNever:
		return false
	}
	return ev.Addressed
}

// permits says whether the person may talk to the avatar there: nothing about them is denied and, where anything is allowed by name, something
// about them is.
func (s *Settings) permits(ev *bridges.Event) bool {
	listed := func(ids []string) bool {
		return slices.ContainsFunc(ids, func(id string) bool {
			return id == ev.From.User || id == ev.Place.Channel || slices.Contains(ev.From.Roles, id) || slices.Contains(ev.Within, id)
		})
	}
	return !listed(s.Deny) && (len(s.Allow) == 0 || listed(s.Allow))
}

// limits are the counters that a message counts in.
func (in *intake) limits(ev *bridges.Event, s *Settings) []store.Limit {
	lim := &s.Limits
	n := len(lim.Person) + len(lim.Room) + len(lim.Bridge) + len(lim.Avatar)
	if n == 0 {
		return nil
	}
	all := make([]store.Limit, 0, n)
	add := func(rates []Rate, key, notice string) {
		for _, r := range rates {
			l := store.Limit{Key: key, Max: r.Max, Every: r.Every}
			if !in.refusable {
				l.Over = in.notice(ev, noticeBusy, notice, max(r.Every, time.Hour))
			}
			all = append(all, l)
		}
	}
	add(lim.Person, personCounter(&ev.From), in.personKey(ev, "busy"))
	if !ev.Place.Direct {
		add(lim.Room, "room/"+in.b.Account+"/"+ev.Place.Channel, in.noticeKey(ev, "busy"))
	}
	add(lim.Bridge, "bridge/"+in.b.Account, in.noticeKey(ev, "busy"))
	add(lim.Avatar, "avatar/"+s.Avatar, in.noticeKey(ev, "busy"))
	return all
}

// personCounter begins the keys of all counters and notices of a person: store.PersonKey knows it.
func personCounter(p *bridges.Person) string { return store.PersonKey(identity(p)) }

// bounded is a set that forgets everything once it holds a thousand strings.
type bounded struct {
	mu   sync.Mutex
	seen map[string]bool
}

// add reports whether s is new.
func (b *bounded) add(s string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen[s] {
		return false
	}
	if b.seen == nil || len(b.seen) >= 1000 {
		b.seen = map[string]bool{}
	}
	b.seen[s] = true
	return true
}

var _ avatar.Speaker = (*collector)(nil)
