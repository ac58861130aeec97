package echo

import (
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
)

func TestBackend(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(map[bool]string{false: "at once", true: "streaming"}[stream], func(t *testing.T) {
			avatartest.Run(t, avatartest.Harness{Local: true, Drafts: stream, New: func(t *testing.T) avatartest.Subject {
				cfg := Default()
				cfg.Stream = stream
				b, err := New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				b.eachWord, b.shortest = time.Millisecond, 0 // so that the tests are not as slow as a pleasant pace
				return avatartest.Subject{Backend: b}
			}})
		})
	}
}
