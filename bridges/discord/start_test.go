package discord

import (
	"testing"

	"avatarbridge/bridges/bridgetest"
)

func TestShardsDoNotBeginMoreSessionsThanAreLeft(t *testing.T) {
	for _, atOnce := range []int{1, 4} {
		w := newWorld(t, bridgetest.DiscordOptions{Shards: 4, MaxConcurrency: atOnce, SessionStarts: 2})
		w.begin(w.bridge(nil))
		w.told("all that Discord allows")
		w.until("the shards to wait", func() bool { return w.d.RequestCount("GET /gateway/bot") >= 9 })
		if n := len(w.d.Identifies(w.bot)); n > 2 {
			t.Errorf("%d at once: %d sessions were begun, and 2 were left", atOnce, n)
		}
	}
}
