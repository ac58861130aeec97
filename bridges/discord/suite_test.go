package discord_test

import (
	"log/slog"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/discord"
)

func TestSuite(t *testing.T) {
	bridgetest.Run(t, bridgetest.DiscordHarness(func(apiURL, token string, log *slog.Logger) bridges.Bridge {
		cfg := discord.Default()
		cfg.Name, cfg.Token, cfg.APIURL = "test", token, apiURL
		b, err := discord.New(cfg, nil, log)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}))
}
