package sqlite

import (
	"os"
	"sync"
)

// The WAL is folded into the database when it has walFrames frames, and again with each walMore, where a long read keeps it from beginning
// anew. The writer does so by itself when it has walLimit: only when nothing else has worked.
const (
	walFrames = 3000
	walMore   = 1000
	walLimit  = 16000
)

// A checkpointer folds the WAL into the database beside the writer: thousands of pages all over the file, and a sync, are a pause that people
// notice. Only what is written meanwhile is left to the writer, for the WAL begins anew only when all of it is in the database.
type checkpointer struct {
	conn *conn
	path string         // of the WAL
	idle sync.Mutex     // held while conn works
	due  chan struct{}  // closed at the end
	done chan int64     // how many frames there were
	all  sync.WaitGroup // of the goroutine

	// What the writer alone touches.
	file    *os.File
	running bool
	mark    int64 // how many frames are reason enough
	round   [8]byte
	of      [8]byte
}

func newCheckpointer(c *conn, path string) *checkpointer {
	k := &checkpointer{conn: c, path: path + "-wal", due: make(chan struct{}, 1), done: make(chan int64, 1), mark: walFrames}
	k.all.Go(func() {
		for range k.due {
			k.done <- k.fold()
		}
	})
	return k
}

// fold does it twice: the first time takes long, and the second takes what came meanwhile, so that next to nothing is left.
func (k *checkpointer) fold() int64 {
	k.idle.Lock()
	defer k.idle.Unlock()
	_, _ = checkpoint(k.conn)
	frames, _ := checkpoint(k.conn)
	return frames
}

// checkpoint folds what it can without waiting for anybody, and returns how many frames the WAL has. No error is worth more than another try at the
// next mark: it is the next write that tells of a disk that is full or broken.
func checkpoint(c *conn) (frames int64, err error) {
	r, err := c.one("PRAGMA wal_checkpoint(PASSIVE)")
	if err != nil {
		return 0, err
	}
	return r.int(1), nil
}

// look comes after each commit, on the writer's goroutine.
func (k *checkpointer) look(writer *conn) {
	if k.running {
		select {
		case frames := <-k.done:
			k.running, k.mark = false, max(frames, k.mark)+walMore
			_, _ = checkpoint(writer)
		default:
		}
		return
	}
	if !k.has(walFrames) {
		k.mark = walFrames
	} else if k.has(k.mark) {
		k.running = true
		k.due <- struct{}{}
	}
}

// has says whether the WAL has n frames. SQLite does not tell without folding it, so the file is read as its format is documented: a header of
// 32 bytes, frames of a page and a header of 24, and in each header the salt of the present round. The size says nothing: it does not shrink.
func (k *checkpointer) has(n int64) bool {
	if k.file == nil {
		f, err := os.Open(k.path)
		if err != nil {
			return false
		}
		k.file = f
	}
	const page = 4096
	if _, err := k.file.ReadAt(k.of[:], 32+(n-1)*(24+page)+8); err != nil {
		return false
	}
	_, err := k.file.ReadAt(k.round[:], 16)
	return err == nil && k.of == k.round
}

// stop comes after the writer's last verb.
func (k *checkpointer) stop() error {
	close(k.due)
	k.all.Wait()
	if k.file != nil {
		if err := k.file.Close(); err != nil {
			return err
		}
	}
	return k.conn.close()
}
