package avatar

import (
	"strings"
	"testing"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
)

func TestATroupeIsAllItsAvatars(t *testing.T) {
	p := NewPlayer(ledger.New(1, 1), nil)
	one, err := NewWebhook(p)
	if err != nil {
		t.Fatal(err)
	}
	alone := Troupe{one}
	if alone.CallsBack() || alone.Name(0) != alone.Name(7) {
		t.Errorf("alone it calls back, or has several names: %s, %s", alone.Name(0), alone.Name(7))
	}
	other, err := NewVoximplant(p)
	if err != nil {
		t.Fatal(err)
	}
	both := Troupe{one, other}
	defer both.Close()
	section := both.Section("more = 1\n")
	for number, backend := range []string{"webhook", "voximplant", "webhook"} {
		_, rest, ok := strings.Cut(section, "[avatars."+both.Name(number)+"]\n")
		if rest, _, _ = strings.Cut(rest, "["); !ok || !strings.Contains(rest, "backend = \""+backend+"\"\n") || !strings.Contains(rest, "more = 1\n") {
			t.Errorf("avatar %d is\n%s", number, rest)
		}
	}
	if both.Player() != p || !both.CallsBack() {
		t.Error("they are not of one player, or do not call back")
	}
	if err := both.Quiet(t.Context()); err != nil {
		t.Error(err)
	}
}
