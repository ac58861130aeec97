package trial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/figure"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// A disturbance is something that fails for a while.
type disturbance struct {
	setup
	lasts time.Duration // unless the command line says otherwise; 0 is a minute
	begin func(ctx context.Context, t *trial) error
	end   func(t *trial) error
	check func(t *trial) // just before the end; nil checks nothing
	after func(t *trial) // when all is answered; nil does nothing
	may   may
}

// size is what is the size of a disturbance unless the command line says otherwise.
func (d *disturbance) size() Size {
	return Size{Chats: 100, Rate: 50, Duration: cmp.Or(d.lasts, time.Minute)}
}

// disturbed lets people write at a steady rate before, while and after something fails, and waits until all have their replies.
func (b *Bench) disturbed(ctx context.Context, who string, r *figure.Result, d disturbance) error {
	size := b.size(r, d.size())
	calm := size.Duration / 4
	// No chat writes more than a conversation takes, should all of it wait.
	chats := max(size.Chats, int(float64(size.Rate)*size.Duration.Seconds()/10))
	d.mode, d.chats = r.Mode, chats
	quarter, whole := eachOf(chats, size.Rate, calm), eachOf(chats, size.Rate, size.Duration)
	d.each = 2*quarter + whole
	t, err := b.newTrial(who, d.setup)
	if err != nil {
		return err
	}
	defer t.close()
	if _, err := t.start(ctx); err != nil {
		return err
	}
	if err := t.steadily(ctx, size.Rate, calm, 0, 0); err != nil {
		return err
	}
	if err := d.begin(ctx, t); err != nil {
		return errors.Join(err, d.end(t))
	}
	err = t.steadily(ctx, size.Rate, size.Duration, 0, quarter)
	if err == nil && d.check != nil {
		d.check(t)
	}
	if err := errors.Join(err, d.end(t)); err != nil {
		return err
	}
	over := t.ledger.Now()
	if err := t.steadily(ctx, size.Rate, calm, 0, quarter+whole); err != nil {
		return err
	}
	if err := t.answered(ctx, 0); err != nil {
		return err
	}
	last := t.ledger.LastReply(func(_, n int) bool { return n < quarter+whole })
	r.Milliseconds("from its end until all that had come was answered", max(last-over, 0))
	if d.after != nil {
		d.after(t)
	}
	t.promises(r, d.may)
	return nil
}

// down is a platform whose calls fail. Connections to it that are open stay so.
func down(kind string) func(context.Context, *Bench, string, *figure.Result) error {
	return func(ctx context.Context, b *Bench, who string, r *figure.Result) error {
		return b.disturbed(ctx, who, r, disturbance{
			begin: func(_ context.Context, t *trial) error { t.breakBots(kind, &wire.Fault{Status: 502}); return nil },
			end:   func(t *trial) error { t.breakBots(kind, nil); return nil },
		})
	}
}

// breakBots lets the calls to a platform fail, "" for all.
func (t *trial) breakBots(kind string, f *wire.Fault) {
	for _, bot := range t.bots {
		if kind == "" || bot.kind == kind {
			bot.Break(f)
		}
	}
}

// pause stops the program where it is.
func pause(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	return b.disturbed(ctx, who, r, disturbance{
		lasts: 30 * time.Second,
		begin: func(_ context.Context, t *trial) error { return t.process().Pause() },
		end:   func(t *trial) error { return t.process().Resume() },
	})
}

// smallDisk is the size of the file system of a program whose disk is full for a while.
const smallDisk = 32 << 20

// disk fills the file system that the program has for itself. Where it cannot have one, its files may not grow.
func disk(ctx context.Context, b *Bench, who string, r *figure.Result) error {
	d := disturbance{
		setup: setup{tmpfs: smallDisk},
		lasts: 10 * time.Second,
		begin: func(_ context.Context, t *trial) error { return fill(t.process().Inside("ballast")) },
		end:   func(t *trial) error { return os.Remove(t.process().Inside("ballast")) },
	}
	if err := b.confinable(ctx, who, d.setup); err != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("files could not grow, in place of a full file system, of which none can be had: %v", err))
		d.setup.tmpfs = 0
		d.begin = func(_ context.Context, t *trial) error { return t.process().LimitFiles(4096) }
		d.end = func(t *trial) error { return t.process().LimitFiles(-1) }
	}
	d.check = func(t *trial) {
		if t.unconfirmed() == 0 {
			r.Broken = append(r.Broken, "messages were taken while the disk was full")
		}
	}
	return b.disturbed(ctx, who, r, d)
}

// fill writes a file until the disk is full.
func fill(file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 1 << 16; size > 0; {
		if _, err = f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			return err
		}
	}
	return nil
}
