package voximplant

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
)

func (r rig) check(t *testing.T) (found []fault.Finding, all string) {
	t.Helper()
	found = r.b.(interface {
		Check(context.Context) []fault.Finding
	}).Check(t.Context())
	for _, f := range found {
		if f.OK == (f.Fix != "") {
			t.Errorf("%+v: a fix belongs to a failure", f)
		}
		all += f.What + " " + f.Fix + "\n"
	}
	for _, private := range r.sim.Secrets() {
		if strings.Contains(all, private) {
			t.Errorf("%q tells a secret", all)
		}
	}
	return found, all
}

func TestCheckLogsInAtEachAddressAndSaysNothing(t *testing.T) {
	r := newRig(t, avatartest.VoximplantConfig{Addresses: 2}, nil)
	found, all := r.check(t)
	if len(found) != 3 || !found[0].OK || !found[1].OK || !found[2].OK {
		t.Error(all)
	}
	if n := r.sim.Count(avatartest.UtteranceReceived); n > 0 {
		t.Errorf("%d utterances", n)
	}
	r.client.CloseIdleConnections()
	r.sim.Down(1)
	if found, all = r.check(t); !found[1].OK || found[2].OK || !strings.Contains(all, "allow_private") {
		t.Error(all)
	}
}

func TestCheckSaysWhatToDoAboutEachFailure(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		at     avatartest.Step
		f      avatartest.Fault
		says   string
	}{
		"a wrong key":        {func(c *Config) { c.APIKey = "wrong" }, "", avatartest.Fault{}, "account_id and api_key"},
		"another service":    {func(c *Config) { c.APIURL += "/elsewhere" }, "", avatartest.Fault{}, "api_url"},
		"a broken service":   {nil, avatartest.LogonAsked, avatartest.Broken(http.StatusBadGateway), "api_url"},
		"a refused login":    {nil, avatartest.LoginAsked, avatartest.Refused(http.StatusUnauthorized), "account_id and api_key"},
		"a page for a login": {nil, avatartest.LoginAsked, avatartest.Proxy(http.StatusOK), "can be reached"},
	} {
		r := newRig(t, avatartest.VoximplantConfig{}, c.change)
		if c.at != "" {
			r.sim.Break(c.at, -1, c.f)
		}
		found, all := r.check(t)
		if last := found[len(found)-1]; last.OK || !strings.Contains(last.Fix, c.says) {
			t.Errorf("%s: %s", name, all)
		}
	}
}
