package voximplant

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"avatarbridge/avatar"
	"avatarbridge/avatar/avatartest"
)

// grpcRig is a backend and the simulator that it talks to.
type grpcRig struct {
	sim *avatartest.VoximplantGRPC
	b   avatar.Backend
	g   *grpcTransport
}

// direct connects anywhere.
func direct(ctx context.Context, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

func newGRPCRig(t *testing.T, sc avatartest.VoximplantGRPCConfig, change func(*Config)) *grpcRig {
	t.Helper()
	sim, err := avatartest.NewVoximplantGRPC(sc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	cfg := Default()
	cfg.Name, cfg.Transport, cfg.APIURL = "concierge", transportGRPC, sim.URL()
	cfg.AccountID, cfg.APIKey, cfg.AvatarID = strconv.FormatInt(sim.Config().AccountID, 10), sim.Config().APIKey, sim.Config().AvatarID
	cfg.AllowPrivate, cfg.Dial = true, direct
	if change != nil {
		change(&cfg)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: sim.Roots()}}}
	t.Cleanup(client.CloseIdleConnections)
	b, err := New(cfg, client, client)
	if err != nil {
		t.Fatal(err)
	}
	g := b.(*Backend).transport.(*grpcTransport)
	g.door.trust.RootCAs = sim.Roots()
	closed := sync.OnceValue(g.close)
	t.Cleanup(func() {
		if err := closed(); err != nil {
			t.Error(err)
		}
	})
	return &grpcRig{sim: sim, b: b, g: g}
}

func TestBackendOverGRPC(t *testing.T) {
	for name, sc := range map[string]avatartest.VoximplantGRPCConfig{"TLS": {TLS: true}, "plain": {}} {
		t.Run(name, func(t *testing.T) {
			avatartest.Run(t, avatartest.Harness{Nameless: true, New: func(t *testing.T) avatartest.Subject {
				r := newGRPCRig(t, sc, nil)
				return avatartest.Subject{Backend: r.b, Service: r.sim}
			}})
		})
	}
}
