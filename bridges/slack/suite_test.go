package slack_test

import (
	"log/slog"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/slack"
)

func maker(t *testing.T) bridgetest.SlackBridge {
	return func(k bridgetest.SlackKeys, log *slog.Logger) bridges.Bridge {
		cfg := slack.Default()
		cfg.Name, cfg.APIURL, cfg.BotToken, cfg.AppToken, cfg.SigningSecret = "test", k.APIURL, k.BotToken, k.AppToken, k.SigningSecret
		b, err := slack.New(cfg, nil, log)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func TestSuiteWithSockets(t *testing.T) { bridgetest.Run(t, bridgetest.SlackHarness(maker(t))) }

func TestSuiteWithEventsOverHTTP(t *testing.T) {
	bridgetest.Run(t, bridgetest.SlackEventsHarness(maker(t)))
}
