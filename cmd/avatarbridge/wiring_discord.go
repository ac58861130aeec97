package main

import (
	"avatarbridge/bridges"
	"avatarbridge/bridges/discord"
	"avatarbridge/cmd/avatarbridge/internal/config"
)

func discordPlatform() platform {
	return platform{Kind: withRooms(kind("discord", discord.Default, nil), discord.RoomFault), build: buildDiscord}
}

func buildDiscord(b config.Bridge, in *house) (bridges.Bridge, error) {
	c := *b.Config.(*discord.Config)
	c.Name, c.CatchUp, c.AllRooms, c.ReadsRooms = b.Name, b.CatchUp, b.AllRooms, readsRooms(b)
	c.Denied = in.config.Messages.Denied
	for _, r := range b.Routes {
		c.Rooms = append(c.Rooms, r.Channels...)
	}
	return discord.New(c, in.media.Bridges(), in.log)
}
