package main

import (
	"bytes"
	"runtime"
	metric "runtime/metrics"
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
		after(2*calmStart, 1) // what the start has left
		after(2*calmAfter, 2) // what it has left if it took longer
		after(calmAgain/2, 2)
		for range 100 {
			c.Count(relay.Accepted, "bot", "luna")
			after(calmAfter/2, 2) // amid the rush
		}
		after(2*calmAfter, 3)
		after(calmAgain-2*calmAfter, 3)
		after(2*calmAfter, 4) // what chores have left
		after(10*calmAgain, 14)
		c.Count(relay.Accepted, "bot", "luna")
		after(2*calmAfter+1, 15)
	})
}

func TestWhatARushHasLeftIsReallyGivenBack(t *testing.T) {
	returned := []metric.Sample{{Name: "/memory/classes/heap/released:bytes"}}
	rush := make([][]byte, 64)
	for i := range rush {
		rush[i] = bytes.Repeat([]byte{1}, 1<<20)
	}
	metric.Read(returned)
	before := returned[0].Value.Uint64()
	runtime.KeepAlive(rush)
	giveBack()
	metric.Read(returned)
	if after := returned[0].Value.Uint64(); after < before+32<<20 {
		t.Errorf("of 64 MiB that nothing refers to, the system has got %d KiB back", (int64(after)-int64(before))>>10)
	}
}
