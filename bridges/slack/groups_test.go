package slack

import (
	"slices"
	"strings"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
)

func TestThoseInAUserGroupThatAListNamesHaveItAsARole(t *testing.T) {
	w := newWorld(t, patient)
	ben := w.slack.AddUser(w.team, "Ben")
	named, other := w.slack.AddGroup(w.team, w.anna), w.slack.AddGroup(w.team, w.anna, ben)
	w.connected(w.bridge(nil, func(c *Config) { c.Groups = []string{named} }))
	for range 2 {
		w.writes(bridgetest.SlackLine{Channel: w.room, Text: w.app.User.Mention() + " hello"})
		w.writes(bridgetest.SlackLine{Channel: w.room, From: ben, Text: w.app.User.Mention() + " hello"})
	}
	w.asks(w.room, "/ask", "me too")
	for _, e := range w.hears(5) {
		want := []string{named}
		if e.From.User == ben.ID {
			want = nil
		}
		if !slices.Equal(e.From.Roles, want) {
			t.Errorf("%s has %v, want %v without %s", e.From.Name, e.From.Roles, want, other)
		}
	}
	if n := w.slack.Calls("usergroups.list"); n != 1 {
		t.Errorf("the groups were asked for %d times", n)
	}
}

func TestWithoutAUserGroupInAListNobodyAsksForGroups(t *testing.T) {
	w := newWorld(t, patient)
	w.slack.AddGroup(w.team, w.anna)
	w.connected(w.bridge(nil))
	w.writes(bridgetest.SlackLine{Text: "hello"})
	if e := w.hears(1)[0]; e.From.Roles != nil || w.slack.Calls("usergroups.list") != 0 {
		t.Errorf("%+v", e.From)
	}
}

func TestAcrossAnEnterpriseTheGroupsOfTheMessagesWorkspaceCount(t *testing.T) {
	w := newWorld(t, patient, func(_ *bridgetest.SlackOptions, a *bridgetest.SlackAppOptions) { a.Enterprise = true })
	group := w.slack.AddGroup(w.team, w.anna)
	w.connected(w.bridge(nil, func(c *Config) { c.Groups = []string{group} }))
	w.writes(bridgetest.SlackLine{Channel: w.room, Text: w.app.User.Mention() + " hello"})
	if e := w.hears(1)[0]; !slices.Equal(e.From.Roles, []string{group}) {
		t.Errorf("%+v", e.From)
	}
}

func TestNobodyIsAnsweredWhileSlackDoesNotSayWhoIsInADeniedGroup(t *testing.T) {
	w := newWorld(t, patient)
	w.connected(w.bridge(nil, func(c *Config) { c.Groups = []string{"S123"} }))
	w.slack.Break(bridgetest.SlackFault{Method: "usergroups.list", Effect: bridgetest.Refuse, Body: "plan_upgrade_required"})
	w.writes(bridgetest.SlackLine{Text: "message body"})
	w.writes(bridgetest.SlackLine{Text: "message body"})
	w.until("acknowledgement", func() bool { return w.slack.Calls("usergroups.list") == 1 && w.slack.Unacknowledged(w.app) == 0 })
	if got := w.rx.Unique(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if n := strings.Count(w.logs.String(), "plan_upgrade_required"); n != 1 {
		t.Errorf("the operator was told %d times\n%s", n, w.logs)
	}
}

func TestGroupsThatCannotBeAskedForNowDelayAndLoseNothing(t *testing.T) {
	w := newWorld(t, patient)
	group := w.slack.AddGroup(w.team, w.anna)
	w.connected(w.bridge(nil, func(c *Config) { c.Groups = []string{group} }))
	w.slack.Break(bridgetest.SlackFault{Method: "usergroups.list", Effect: bridgetest.Throttle, RetryAfter: 1, Times: 1})
	w.writes(bridgetest.SlackLine{Text: "hello"})
	if e := w.hears(1)[0]; !slices.Equal(e.From.Roles, []string{group}) {
		t.Errorf("%+v", e.From)
	}
}

func TestTheScopeForUserGroupsIsDemandedOnlyWhereAListNamesOne(t *testing.T) {
	without := slices.DeleteFunc(bridgetest.AllSlackScopes(), func(s string) bool { return s == "usergroups:read" })
	w := newWorld(t, scoped(without...))
	if got := w.checks(w.bridge(nil)); strings.Contains(got, "bad:") {
		t.Error(got)
	}
	named := w.bridge(nil, func(c *Config) { c.Groups = []string{"S123"} })
	if got := w.checks(named); !strings.Contains(got, "usergroups:read (to see who is in the user groups") {
		t.Error(got)
	}
	if err := w.ends(named, nil); err == nil || !strings.Contains(err.Error(), "add usergroups:read") {
		t.Errorf("Run returned %v", err)
	}
}

func TestAnIDOfAGroupIsToldFromOthers(t *testing.T) {
	for id, want := range map[string]bool{"S0614TZR7": true, "S1": true, "S": false, "U123": false, "Sales": false, "S-1": false, "": false} {
		if IsGroup(id) != want {
			t.Errorf("%q: %v", id, !want)
		}
	}
}

// TestTheSameIDInTwoWorkspacesIsTwoPeople: bridges share a store, and ids are unique in a workspace only.
func TestTheSameIDInTwoWorkspacesIsTwoPeople(t *testing.T) {
	var people []bridges.Person
	for _, team := range []string{"T1", "T2"} {
		u := user{ID: "U1", Team: team}
		p := u.profile(&self{Team: team})
		people = append(people, bridges.Person{Platform: "slack", Tenant: p.tenant(), User: "U1"})
	}
	if people[0].Tenant == people[1].Tenant || people[0].Tenant == "" {
		t.Errorf("%+v", people)
	}
}
