package main

import (
	"testing"
	"time"

	"avatarbridge/bridges/relay"
	"avatarbridge/bridges/telegram"
	"avatarbridge/cmd/avatarbridge/internal/config"
)

func TestWhatIsSentAtOnceIsThePlatformsUnlessTheOperatorSaysOtherwise(t *testing.T) {
	cfg := telegram.Default()
	cfg.Token = "1:secret"
	for set, want := range map[int]int{0: telegram.InFlight, 7: 7} {
		rate := relay.Rate{Max: 20 + set, Every: time.Minute}
		c := &config.Config{Bridges: []config.Bridge{{Name: "tg", Platform: "telegram", Config: &cfg, MaxInFlight: set, Rate: rate}}}
		built, err := buildBridges(c, newOutside(c, nil), []relay.Avatar{})
		if err != nil {
			t.Fatal(err)
		}
		if got := built[0].MaxInFlight; got != want {
			t.Errorf("with max_in_flight = %d, %d are sent at once, want %d", set, got, want)
		}
		if built[0].Rate != rate {
			t.Errorf("the rate is %v, want %v", built[0].Rate, rate)
		}
	}
}
