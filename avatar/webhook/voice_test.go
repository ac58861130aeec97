package webhook

import (
	"testing"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
)

func TestVoiceWithoutTextNeverReachesTheService(t *testing.T) {
	w, b := newRig(t, avatartest.WebhookConfig{}, nil)
	in := turnOf("t-1")
	in.Text, in.Voice = "", avatartest.Voiced("Hello")
	var ear avatartest.Ear
	if o := fault.Of(b.Ask(t.Context(), in, &ear)); o == nil || o.Kind != fault.Rejected || o.Reason == "" || ear.Tried() > 0 {
		t.Errorf("%v, said %v", o, ear.Replies())
	}
	if n := w.Count(avatartest.TurnReceived); n > 0 {
		t.Errorf("the service was asked %d times", n)
	}
}
