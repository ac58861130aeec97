package storetest_test

import (
	"os"
	"sync"
	"testing"

	"avatarbridge/store"
	"avatarbridge/store/storetest"
)

func TestTheStoreOfSimulationsIsAStore(t *testing.T) {
	var mu sync.Mutex
	in := map[string]*storetest.Memory{}
	storetest.Run(t, storetest.Kind{
		Open: func(dir string) (store.Store, error) {
			mu.Lock()
			defer mu.Unlock()
			if in[dir] == nil {
				in[dir] = storetest.NewMemory()
			} else {
				in[dir] = in[dir].Restart()
			}
			return in[dir], nil
		},
		Crash: func(s store.Store, dir string) (string, error) {
			to, err := os.MkdirTemp(dir, "crash")
			mu.Lock()
			defer mu.Unlock()
			in[to] = s.(*storetest.Memory)
			return to, err
		},
	})
}
