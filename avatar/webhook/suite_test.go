package webhook

import (
	"net/http"
	"testing"

	"avatarbridge/avatar/avatartest"
)

// newRig is a service and a backend that talks to it.
func newRig(t *testing.T, sim avatartest.WebhookConfig, change func(*Config)) (*avatartest.Webhook, *Backend) {
	t.Helper()
	w, err := avatartest.NewWebhook(sim)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	cfg := Default()
	cfg.Name, cfg.URL, cfg.Secret = "mine", w.URL(), w.Secret()
	if change != nil {
		change(&cfg)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	b, err := New(cfg, &http.Client{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return w, b
}

func TestBackend(t *testing.T) {
	avatartest.Run(t, avatartest.Harness{TurnIDs: true, New: func(t *testing.T) avatartest.Subject {
		w, b := newRig(t, avatartest.WebhookConfig{}, nil)
		return avatartest.Subject{Backend: b, Service: w}
	}})
}
