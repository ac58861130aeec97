package slack

import (
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

func TestWhatIsNewIsHeardBehindWhatWasMissed(t *testing.T) {
	w := newWorld(t)
	w.away(time.Second, func() { w.writes(bridgetest.SlackLine{Text: "missed"}) })
	w.rx.SetPlaces(w.direct())
	w.cursorOf(time.Now().Add(-time.Hour))
	w.slack.Break(bridgetest.SlackFault{Method: "conversations.history", Effect: bridgetest.Slow, Delay: 300 * time.Millisecond})
	w.connected(w.bridge(nil))
	w.writes(bridgetest.SlackLine{Text: "new"})
	if w.texts(2); w.rx.Unique()[0].Text != "missed" {
		t.Errorf("%+v", w.rx.Unique())
	}
}
