package transport

import (
	"bufio"
	"io"
	"sync"
	"time"
)

// A key is what connections can be used for.
type key struct{ scheme, host string }

// idle are the connections that no call uses. Those used last are used first, so that those that are not needed grow old.
type idle struct {
	max int // for a key

	mu    sync.Mutex
	conns map[key][]*conn // the longest unused first
	timer *time.Timer     // closes what is too old; nil while there is nothing
	shut  bool            // all were closed, and nobody has wanted one since

	readers, writers sync.Pool // buffers that no call uses, of *bufio.Reader and *bufio.Writer
}

// reader returns an empty buffer for a call.
func (i *idle) reader(from io.Reader) *bufio.Reader {
	r, ok := i.readers.Get().(*bufio.Reader)
	if !ok {
		return bufio.NewReaderSize(from, bufferSize)
	}
	r.Reset(from)
	return r
}

// writer returns an empty buffer for a request.
func (i *idle) writer(to io.Writer) *bufio.Writer {
	w, ok := i.writers.Get().(*bufio.Writer)
	if !ok {
		return bufio.NewWriterSize(to, bufferSize)
	}
	w.Reset(to)
	return w
}

// take returns a connection on which nothing has happened since its last call, nil when there is none.
func (i *idle) take(k key) *conn {
	for {
		c := i.pop(k)
		if c == nil || c.alive() {
			return c
		}
		c.drop() // as the other side has
	}
}

func (i *idle) pop(k key) *conn {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.shut = false
	all := i.conns[k]
	if len(all) == 0 {
		return nil
	}
	last := len(all) - 1
	c := all[last]
	all[last] = nil
	i.conns[k] = all[:last]
	return c
}

// put keeps a connection. false says that there are enough, or that all were closed while its call was under way.
func (i *idle) put(c *conn) bool {
	c.wire.left = time.Now()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.shut || len(i.conns[c.key]) >= i.max {
		return false
	}
	if i.conns == nil {
		i.conns = map[key][]*conn{}
	}
	i.conns[c.key] = append(i.conns[c.key], c)
	if i.timer == nil {
		i.timer = time.AfterFunc(idleTimeout, i.closeOld)
	}
	return true
}

// closeOld closes what has not been used for long, and comes again as long as there is something.
func (i *idle) closeOld() {
	old, now := []*conn(nil), time.Now()
	i.mu.Lock()
	for k, all := range i.conns {
		n := 0
		for n < len(all) && now.Sub(all[n].wire.left) >= idleTimeout {
			n++
		}
		old = append(old, all[:n]...)
		if i.conns[k] = append([]*conn(nil), all[n:]...); n == len(all) {
			delete(i.conns, k)
		}
	}
	if i.timer != nil && len(i.conns) > 0 {
		i.timer.Reset(idleTimeout / 3)
	} else {
		i.timer = nil
	}
	i.mu.Unlock()
	for _, c := range old {
		_ = c.Close() // nobody needs it any more
	}
}

// closeAll closes all that is not in use, and has those closed that are once their calls end, unless others begin before.
func (i *idle) closeAll() {
	i.mu.Lock()
	conns := i.conns
	i.conns, i.shut = nil, true
	if i.timer != nil {
		i.timer.Stop()
		i.timer = nil
	}
	i.mu.Unlock()
	for _, all := range conns {
		for _, c := range all {
			_ = c.Close() // nobody needs it any more
		}
	}
}
