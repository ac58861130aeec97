package echo

import (
	"testing"

	"avatarbridge/avatar/avatartest"
)

func TestBackend(t *testing.T) {
	avatartest.Run(t, avatartest.Harness{Local: true, New: func(t *testing.T) avatartest.Subject {
		b, err := New(Default())
		if err != nil {
			t.Fatal(err)
		}
		return avatartest.Subject{Backend: b}
	}})
}
