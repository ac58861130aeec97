package virtuals

import (
	"testing"

	"avatarbridge/avatar/avatartest"
)

func TestBackend(t *testing.T) {
	avatartest.Run(t, avatartest.Harness{New: func(t *testing.T) avatartest.Subject {
		r := newRig(t, avatartest.VirtualsConfig{}, nil)
		return avatartest.Subject{Backend: r.b, Service: r.sim}
	}})
}
