package relay

import (
	"strings"

	"avatarbridge/store"
)

// PauseScope is the hold with which target ("", "bridge" or "bridge/channel") is paused. It names the bridge and not its account, so that
// it can be kept while the program does not run.
func PauseScope(target string) store.Scope {
	s := store.Scope{Pause: true}
	if target != "" {
		bridge, channel, _ := strings.Cut(target, "/")
		s.Account, s.Channel = "bridge:"+bridge, channel
	}
	return s
}
