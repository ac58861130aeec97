package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// maxGroup bounds the verbs that share one commit, and so the work that one failure repeats.
const maxGroup = 256

// errClosed is what verbs return after Close.
var errClosed = errors.New("the store is closed")

// A verb waits for the writer. do runs inside the transaction, possibly twice (the group is rolled back and run again when another
// verb of it fails), so it may have no effect but on the core, and on results that the next run overwrites.
type verb struct {
	ctx   context.Context
	do    func(*core) error
	alone bool // outside of any transaction
	err   error
	done  chan struct{}
}

// A writer runs verbs, one goroutine for all of them. What waits while a commit is under way shares the next one, and so does what comes while
// the others of that one are run.
type writer struct {
	core    *core
	log     *checkpointer
	queue   chan *verb
	next    *verb        // was taken out of the queue and must be run alone; nil: none was
	verbs   sync.Pool    // of *verb
	mu      sync.RWMutex // guards closed; held for reading while a verb is put into the queue
	closed  bool
	stopped chan struct{}
}

func newWriter(c *core, log *checkpointer) *writer {
	w := &writer{core: c, log: log, queue: make(chan *verb, maxGroup), stopped: make(chan struct{})}
	w.verbs.New = func() any { return &verb{done: make(chan struct{}, 1)} }
	go w.work()
	return w
}

// run returns when do has been committed or has changed nothing. A ctx that ends later than the verb has begun changes nothing: what
// was handed out must reach the caller.
func (w *writer) run(ctx context.Context, alone bool, do func(*core) error) error {
	v := w.verbs.Get().(*verb)
	v.ctx, v.do, v.alone, v.err = ctx, do, alone, nil
	w.mu.RLock()
	if w.closed {
		w.mu.RUnlock()
		return errClosed
	}
	w.queue <- v
	w.mu.RUnlock()
	<-v.done
	err := v.err
	v.ctx, v.do = nil, nil
	w.verbs.Put(v)
	return err
}

// stop waits for the verbs under way; later ones get errClosed.
func (w *writer) stop() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.stopped
}

func (w *writer) work() {
	defer close(w.stopped)
	var group []*verb
	for v := w.take(); v != nil; v = w.take() {
		if v.alone {
			w.runAlone(v)
			v.done <- struct{}{}
			continue
		}
		w.gather()
		group = w.core.commit(append(group[:0], v), w.join)
		for i, v := range group {
			group[i] = nil
			v.done <- struct{}{}
		}
		w.log.look(w.core.conn)
	}
}

// take waits for the next verb; nil says that there will be none.
func (w *writer) take() *verb {
	if v := w.next; v != nil {
		w.next = nil
		return v
	}
	return <-w.queue
}

func (w *writer) runAlone(v *verb) {
	if v.err = v.ctx.Err(); v.err == nil {
		w.log.idle.Lock()
		v.err = v.do(w.core)
		w.log.idle.Unlock()
	}
}

// join adds the verbs that wait to a group, as many as may share a commit, and up to one that must be alone.
func (w *writer) join(group []*verb) []*verb {
	for len(group) < maxGroup && w.next == nil {
		select {
		case v, open := <-w.queue:
			switch {
			case !open:
				return group
			case v.alone:
				w.next = v
			default:
				group = append(group, v)
			}
		default:
			return group
		}
	}
	return group
}

// gather lets those who are about to bring a verb come first, as long as each time more do: each commit costs as much as many verbs. Where nobody
// else has anything to do it returns at once.
func (w *writer) gather() {
	for n := -1; len(w.queue) > n && len(w.queue) < maxGroup-1; {
		n = len(w.queue)
		runtime.Gosched()
	}
}

// errAgain says that a verb failed after it had written, and no savepoint parts it from the others.
var errAgain = errors.New("run the group again with savepoints")

// commit runs the verbs in one transaction, with those that join adds, and sets their errors. It returns all of them. Savepoints cost about a
// tenth of the hot path and next to no verb ever fails half way, so the first try has none.
func (c *core) commit(group []*verb, join func([]*verb) []*verb) []*verb {
	group, err := c.try(group, join, false)
	if err == errAgain {
		group, err = c.try(group, join, true)
	}
	if err == nil {
		return group
	}
	err = fmt.Errorf("database: %w", err)
	for _, v := range group {
		v.err = err
	}
	return group
}

// try returns an error when nothing of the group has happened, in the database or in memory.
func (c *core) try(group []*verb, join func([]*verb) []*verb, savepoints bool) ([]*verb, error) {
	c.undo = c.undo[:0]
	if _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return group, err
	}
	for i := 0; ; i++ {
		if i == len(group) {
			if group = join(group); i == len(group) {
				break
			}
		}
		v := group[i]
		if v.err = v.ctx.Err(); v.err != nil {
			continue
		}
		if err := c.runOne(v, savepoints); err != nil {
			return group, c.rollback(err)
		}
	}
	if err := c.flush(); err != nil {
		return group, c.rollback(err)
	}
	if _, err := c.exec("COMMIT"); err != nil {
		return group, c.rollback(err)
	}
	c.undo = c.undo[:0]
	return group, nil
}

// runOne runs one verb of a group. The error is the group's, v.err the verb's own.
func (c *core) runOne(v *verb, savepoint bool) error {
	mark, writes := len(c.undo), c.writes
	if savepoint {
		if _, err := c.exec("SAVEPOINT verb"); err != nil {
			return err
		}
	}
	v.err = v.do(c)
	switch {
	case v.err != nil && fatal(v.err):
		return v.err
	case v.err != nil && !savepoint && c.writes != writes:
		return errAgain
	case v.err != nil:
		c.unwind(mark)
	}
	if !savepoint {
		return nil
	}
	if v.err != nil {
		if _, err := c.exec("ROLLBACK TO verb"); err != nil {
			return err
		}
	}
	_, err := c.exec("RELEASE verb")
	return err
}

// rollback undoes the group and returns err, with what else went wrong.
func (c *core) rollback(err error) error {
	c.unwind(0)
	c.forgetPending()
	if c.db.AutoCommit() {
		return err // SQLite has rolled back by itself
	}
	if _, e := c.exec("ROLLBACK"); e != nil {
		return errors.Join(err, e)
	}
	return err
}

// later has f run if the verb or its group fails. Everything that a verb changes in memory is changed back in this way.
func (c *core) later(f func()) { c.undo = append(c.undo, f) }

func (c *core) unwind(mark int) {
	c.turns.behind.clear() // what it knows may be of rows that are there again, or no more
	c.posts.behind.clear()
	for i := len(c.undo) - 1; i >= mark; i-- {
		c.undo[i]()
	}
	clear(c.undo[mark:])
	c.undo = c.undo[:mark]
}

// flush writes what verbs of the group have left to be written once.
func (c *core) flush() error {
	for account, p := range c.cursors {
		if _, err := c.exec(`INSERT INTO cursor (account, position, moved) VALUES (?, ?, ?)
			ON CONFLICT (account) DO UPDATE SET position = excluded.position, moved = excluded.moved`, account, p.position, p.moved); err != nil {
			return err
		}
	}
	for k, v := range c.changed {
		if _, err := c.exec(`INSERT INTO counter (key, every, opened, n) VALUES (?, ?, ?, ?)
			ON CONFLICT (key, every) DO UPDATE SET opened = excluded.opened, n = excluded.n`, k.key, k.every, v.opened, v.n); err != nil {
			return err
		}
	}
	c.forgetPending()
	return nil
}

func (c *core) forgetPending() {
	clear(c.cursors)
	clear(c.changed)
}
