package relay

import (
	"slices"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/store"
)

// A muting is a command of somebody who manages a room: the avatar is to be silent there, or not any more.
type muting struct {
	channel string
	silent  bool
}

// muteScope is the hold that keeps a mute. No avatar has this name, so it binds nothing else.
func muteScope(account, channel string) store.Scope {
	return store.Scope{Account: account, Channel: channel, Avatar: "/mute"}
}

// muted says whether those who manage the room, or what it is in, want silence.
func (l *line) muted(account, channel string, within []string) bool {
	silent := func(id string) bool { return !l.r.holds.until(muteScope(account, id)).IsZero() }
	return silent(channel) || slices.ContainsFunc(within, silent)
}

// mute takes the command, unless it comes from somebody who may not give it. In a direct chat nobody else is there to be spared.
func (in *intake) mute(ev *bridges.Event, s *Settings) {
	if !ev.From.Manages || ev.Place.Direct {
		in.decline(ev, s, noticeDenied)
		return
	}
	kind, silent := noticeUnmuted, ev.Command == "mute"
	if silent {
		kind = noticeMuted
	}
	in.mutes = append(in.mutes, muting{ev.Place.Channel, silent})
	if n := in.notice(ev, kind, in.noticeKey(ev, ev.Command), 5*time.Second); n != nil {
		in.put(store.Entry{Key: ev.Key, Post: in.post(ev, s, n)}, s.Avatar)
	}
}

// silence stores the mutes of the batch, in order. Storing one again changes nothing.
func (in *intake) silence() error {
	for _, m := range in.mutes {
		h := store.Hold{Scope: muteScope(in.b.Account, m.channel), Reason: "muted"}
		if !m.silent {
			if err := in.l.r.store.Release(in.l.r.calls, h.Scope, in.b.Now); err != nil {
				return err
			}
			in.l.r.holds.drop(h.Scope)
			continue
		}
		if err := in.l.r.store.Hold(in.l.r.calls, h); err != nil {
			return err
		}
		in.l.r.holds.put(h)
	}
	return nil
}
