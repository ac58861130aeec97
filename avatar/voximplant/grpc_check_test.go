package voximplant

import (
	"context"
	"net"
	"strings"
	"testing"

	"avatarbridge/avatar/avatartest"
)

func TestCheckOverGRPCLogsInAndOpensNoConversation(t *testing.T) {
	r := newGRPCRig(t, avatartest.VoximplantGRPCConfig{TLS: true}, nil)
	if f := r.g.check(t.Context()); !f.OK || !strings.Contains(f.What, strings.TrimPrefix(r.sim.URL(), "https://")) {
		t.Errorf("%+v", f)
	}
	if r.sim.Count(avatartest.GRPCLoginAsked) != 1 || r.sim.Count(avatartest.GRPCOpened) != 0 {
		t.Error("no login, or a conversation")
	}
	r.sim.Break(avatartest.GRPCLoginAsked, -1, avatartest.Refused(401))
	if f := r.g.check(t.Context()); f.OK || !strings.Contains(f.Fix, "api_key") {
		t.Errorf("refused: %+v", f)
	}
	r = newGRPCRig(t, avatartest.VoximplantGRPCConfig{}, func(c *Config) {
		c.Dial = func(context.Context, string) (net.Conn, error) { return nil, errRefusal }
	})
	if f := r.g.check(t.Context()); f.OK || !strings.Contains(f.Fix, "allow_private") {
		t.Errorf("a private address: %+v", f)
	}
}
