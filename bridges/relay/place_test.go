package relay_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/relay"
)

func TestATurnThatFindsNoPlaceAfterAllCanStillBeDeleted(t *testing.T) {
	const people = 16
	inWorld(t, func(c *relay.Config) { c.Avatars[0].MaxConcurrent = 1 }, func(t *testing.T, w *world) {
		var mu sync.Mutex
		var asked []string
		release := make(chan struct{})
		w.avatar.onAsk(func(ctx context.Context, turn avatar.Turn, say avatar.Speaker) error {
			mu.Lock()
			asked = append(asked, turn.Text)
			first := len(asked) == 1
			mu.Unlock()
			if first {
				<-release
			}
			return say.Say(ctx, avatar.Reply{Text: "re: " + turn.Text})
		})
		events := map[string]bridges.Event{}
		var all sync.WaitGroup
		for i := range people {
			text := fmt.Sprint(i)
			ev := w.bridge.said("person"+text, text)
			events[text] = ev
			all.Go(func() { w.bridge.receive(t, ev) }) // each finds the same place
		}
		all.Wait()
		settle()
		for text, ev := range events {
			if text != asked[0] {
				w.bridge.receive(t, deletion(ev))
			}
		}
		close(release)
		settle()
		if len(asked) != 1 {
			t.Errorf("%d were asked though all but one had been deleted: %q", len(asked), asked)
		}
		w.wantPosted("person"+asked[0], "re: "+asked[0])
	})
}
