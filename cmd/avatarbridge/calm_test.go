package main

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"avatarbridge/bridges/relay"
	"avatarbridge/cmd/avatarbridge/internal/metrics"
)

func TestMemoryIsGivenBackOnceAfterARush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var given atomic.Int64
		c := newCalm(metrics.New(), func() { given.Add(1) })
		defer c.stop()
		after := func(d time.Duration, want int64) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if n := given.Load(); n != want {
				t.Fatalf("given back %d times, want %d", n, want)
			}
		}
		after(time.Hour, 0)
		for range 100 {
			c.Count(relay.Accepted, "bot", "luna")
			after(calmAfter/2, 0) // amid the rush
		}
		after(2*calmAfter, 1)
		after(time.Hour, 1)
		c.Count(relay.Accepted, "bot", "luna")
		after(2*calmAfter+1, 2)
	})
}
