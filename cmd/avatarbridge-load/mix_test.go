package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"avatarbridge/cmd/avatarbridge-load/internal/trial"
)

func TestOtherAvatarsAndMixesOfBridges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		avatar, bridges string
		modes           []string
	}{
		{"virtuals", "3", []string{"closed", "crash", "crash-steps"}},
		{"voximplant", "telegram,discord", []string{"closed", "crash"}},
		{"webhook", "telegram,discord,slack", []string{"order", "overload", "crash", "crash-hold", "crash-steps", "loris", "names"}},
		{"webhook", "telegram-webhook", []string{"closed", "start", "crash", "disk"}},
		{"webhook", "slack-events", []string{"closed", "start", "slack-down"}},
		{"webhook,virtuals,voximplant", "telegram,telegram-webhook,slack-events", []string{"crash", "crash-steps"}},
		{"webhook", "web", []string{"closed", "start", "conversations", "crash", "crash-steps", "disk"}},
		{"webhook", "web,telegram", []string{"order", "crash-hold"}},
		{"webhook", "discord", []string{"closed", "discord-down"}},
		{"webhook", "slack", []string{"closed", "slack-down", "disk"}},
	} {
		for _, name := range c.modes {
			t.Run(c.avatar+" "+c.bridges+" "+name, func(t *testing.T) {
				t.Parallel()
				b := small(t)
				var err error
				if b.Bridges, err = (&options{Bridges: c.bridges}).bridges(); err != nil {
					t.Fatal(err)
				}
				if b.Avatars, err = (&options{Avatar: c.avatar}).avatars(len(b.Bridges)); err != nil {
					t.Fatal(err)
				}
				drive(t, b, name, trial.Ours)
			})
		}
	}
}

func TestAGroupLeavesOutWhatMakesNoSense(t *testing.T) {
	var errs bytes.Buffer
	o := options{Modes: []string{"faults"}}
	chosen, err := o.modes(&trial.Bench{Bridges: []string{trial.Discord}}, &errs)
	if err != nil {
		t.Fatal(err)
	}
	has := func(name string) bool {
		return slices.ContainsFunc(chosen, func(m trial.Mode) bool { return m.Name == name })
	}
	if has("telegram-down") || has("disk") || !has("discord-down") || !has("pause") {
		t.Errorf("chosen are %v", chosen)
	}
	if !strings.Contains(errs.String(), "telegram-down is left out: there is no bridge to Telegram") {
		t.Errorf("what is left out is not told: %s", &errs)
	}
}
