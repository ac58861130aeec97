package voximplant

import (
	"net/http"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/avatar/avatartest"
)

// rig is a simulated Voximplant and a backend that talks to it.
type rig struct {
	sim    *avatartest.Voximplant
	b      avatar.Backend
	now    *clock
	client *http.Client
}

// newRig makes a rig whose clock stands still.
func newRig(t *testing.T, sim avatartest.VoximplantConfig, change func(*Config)) rig {
	t.Helper()
	c := newClock()
	if sim.Now == nil {
		sim.Now = c.Now
	}
	v, err := avatartest.NewVoximplant(sim)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	cfg := Default()
	cfg.Name, cfg.AccountID, cfg.APIKey, cfg.AvatarID, cfg.APIURL = "concierge", v.AccountID(), v.APIKey(), v.AvatarID(), v.URL()
	if change != nil {
		change(&cfg)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	b, err := build(cfg, client, client, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	return rig{v, b, c, client}
}

func TestBackend(t *testing.T) {
	avatartest.Run(t, avatartest.Harness{Later: true, Unsigned: true, New: func(t *testing.T) avatartest.Subject {
		r := newRig(t, avatartest.VoximplantConfig{}, nil)
		return avatartest.Subject{Backend: r.b, Service: r.sim}
	}})
}
