package main

import (
	"slices"
	"testing"

	"avatarbridge/bridges/relay"
	"avatarbridge/cmd/avatarbridge/internal/config"
)

func TestUserGroupsOfAllListsAreToldToTheSlackBridge(t *testing.T) {
	b := config.Bridge{Default: relay.Settings{Allow: []string{"U1", "S2"}, Deny: []string{"S1"}}}
	b.Routes = []relay.Route{{Settings: relay.Settings{Allow: []string{"S2", "C1"}, Deny: []string{"S3"}}}}
	if got := userGroups(b); !slices.Equal(got, []string{"S1", "S2", "S3"}) {
		t.Errorf("got %v", got)
	}
	if !slices.Equal(b.Default.Allow, []string{"U1", "S2"}) {
		t.Errorf("the list became %v", b.Default.Allow)
	}
}
