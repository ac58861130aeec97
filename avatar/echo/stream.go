package echo

import (
	"context"
	"time"
	"unicode"

	"avatarbridge/avatar"
)

const (
	eachWord = 60 * time.Millisecond
	shortest = 600 * time.Millisecond
	longest  = 1500 * time.Millisecond
	maxSteps = 40
)

// show lets a text grow word by word. It takes no time worth speaking of from an Ask that has little.
func (b *Backend) show(ctx context.Context, text string, say avatar.Speaker) error {
	ends := wordEnds(text)
	steps := min(len(ends), maxSteps)
	if steps < 2 {
		return nil
	}
	whole := min(max(b.eachWord*time.Duration(len(ends)), b.shortest), longest)
	if until, ok := ctx.Deadline(); ok {
		whole = min(whole, time.Until(until)/4)
	}
	tick := time.NewTicker(max(whole/time.Duration(steps), 1))
	defer tick.Stop()
	for i := 1; i < steps; i++ {
		say.Draft(text[:ends[i*len(ends)/steps-1]])
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// wordEnds are where the words of a text end.
func wordEnds(text string) []int {
	var ends []int
	inWord := false
	for i, r := range text {
		if space := unicode.IsSpace(r); space == inWord {
			if inWord {
				ends = append(ends, i)
			}
			inWord = !space
		}
	}
	if inWord {
		ends = append(ends, len(text))
	}
	return ends
}
