package main

import (
	"avatarbridge/bridges"
	"avatarbridge/bridges/slack"
	"avatarbridge/cmd/avatarbridge/internal/config"
)

func slackPlatform() platform {
	return platform{Kind: kind("slack", slack.Default, slackURL), build: buildSlack}
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
	c.Name, c.CatchUp, c.ReadsRooms = b.Name, b.CatchUp, readsRooms(b)
	if in.publicURL != "" {
		c.EventsURL = in.publicURL + "/bridges/" + b.Name + "/events"
	}
	return slack.New(c, in.media.Bridges(), in.log)
}
