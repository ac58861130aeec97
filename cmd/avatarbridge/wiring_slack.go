package main

import (
	"slices"

	"avatarbridge/bridges"
	"avatarbridge/bridges/slack"
	"avatarbridge/cmd/avatarbridge/internal/config"
)

func slackPlatform() platform {
	return platform{Kind: withRooms(kind("slack", slack.Default, slackURL), slack.RoomFault), build: buildSlack}
}

// slackURL says that events over HTTP need an address.
func slackURL(c *slack.Config) string {
	if c.SigningSecret != "" && c.AppToken == "" {
		return "signing_secret"
	}
	return ""
}

func buildSlack(b config.Bridge, in *house) (bridges.Bridge, error) {
	c := *b.Config.(*slack.Config)
	c.Name, c.CatchUp, c.ReadsRooms, c.Groups = b.Name, b.CatchUp, readsRooms(b), userGroups(b)
	if in.publicURL != "" {
		c.EventsURL = in.publicURL + "/bridges/" + b.Name + "/events"
	}
	return slack.New(c, in.media.Bridges(), in.log)
}

// userGroups are the user groups that the bridge's lists name.
func userGroups(b config.Bridge) []string {
	ids := slices.Concat(b.Default.Allow, b.Default.Deny)
	for _, r := range b.Routes {
		ids = slices.Concat(ids, r.Settings.Allow, r.Settings.Deny)
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return !slack.IsGroup(id) })
	slices.Sort(ids)
	return slices.Compact(ids)
}
