package main

import (
	"bytes"
	"strings"
	"testing"

	"avatarbridge/cmd/avatarbridge/internal/config"
)

func TestSecretThatBeginsWithAnotherIsBlottedOutWhole(t *testing.T) {
	for _, secrets := range [][]string{{"key-1", "key-1-canary"}, {"key-1-canary", "key-1"}, {"key", "key-1-canary", "key-1"}} {
		var out bytes.Buffer
		given := strings.Join(secrets, " ")
		newLog(&out, config.Log{Level: "info", Format: "json"}, secrets).Info("sent key-1-canary")
		if !strings.Contains(out.String(), `"sent (secret)"`) {
			t.Errorf("%v: %s", secrets, out.String())
		}
		if strings.Join(secrets, " ") != given {
			t.Errorf("the caller's list was changed to %v", secrets)
		}
	}
}
