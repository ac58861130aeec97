package telegram_test

import (
	"log/slog"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/telegram"
)

func TestSuite(t *testing.T) {
	bridgetest.Run(t, bridgetest.TelegramHarness(func(apiURL, token string, log *slog.Logger) bridges.Bridge {
		cfg := telegram.Default()
		cfg.Name, cfg.Token, cfg.APIURL = "test", token, apiURL
		b, err := telegram.New(cfg, nil, log)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}))
}
