package relay_test

import (
	"net/http"
	"testing"

	"avatarbridge/bridges"
)

func TestALateReplyFindsItsAccountThoughTheBridgeIsCalledOtherwise(t *testing.T) {
	inPatientWorld(t, func(t *testing.T, w *world, a *patient) {
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		settle()
		w.stop()
		w.cfg.Bridges[0].Name = "renamed"
		w.start()
		if code := w.calls(a.turn("1"), "text=late"); code != http.StatusOK {
			t.Errorf("callback: %d", code)
		}
		w.wantPosted("ann", "late")
	})
}

func TestALateReplyIsNotPostedByAnotherAccountThatHasTheNameNow(t *testing.T) {
	inPatientWorld(t, func(t *testing.T, w *world, a *patient) {
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		settle()
		w.stop()
		w.dress = func(b *fakeBridge) bridges.Bridge { b.account = "fake:2"; return b }
		w.start()
		if code := w.calls(a.turn("1"), "text=late"); code != http.StatusNotFound {
			t.Errorf("callback: %d", code)
		}
		w.wantPosted("ann")
		w.stop()
		w.dress = nil
		w.start()
		if code := w.calls(a.turn("1"), "text=late"); code != http.StatusOK {
			t.Errorf("the account is back: %d", code)
		}
		w.wantPosted("ann", "late")
	})
}
