package trial

import (
	"context"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/avatar"
	"avatarbridge/cmd/avatarbridge-load/internal/figure"
)

func names(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	lose := func(t *trial, lost bool) error { t.service.(*avatar.Virtuals).Lose(lost); return nil }
	return b.disturbed(ctx, who, r, disturbance{
		setup: setup{avatar: "virtuals", tokenLife: time.Second},
		begin: func(_ context.Context, t *trial) error { return lose(t, true) },
		end:   func(t *trial) error { return lose(t, false) },
	})
}
