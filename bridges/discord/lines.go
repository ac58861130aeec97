package discord

import (
	"sync"

	"avatarbridge/bridges"
)

// lines tells the relay how the connections are: well when all are.
type lines struct {
	rx   bridges.Receiver
	mu   sync.Mutex
	errs map[int]error // of the shards that are not connected
}

// newLines begins with n shards that are not connected yet.
func newLines(rx bridges.Receiver, n int) *lines {
	l := &lines{rx: rx, errs: map[int]error{}}
	for i := range n {
		l.errs[i] = errConnecting
	}
	return l
}

// up notes that a shard is connected.
func (l *lines) up(shard int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.errs, shard)
	l.tell()
}

// alive notes that a shard's connection lives.
func (l *lines) alive(shard int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, down := l.errs[shard]; !down {
		l.tell()
	}
}

// down notes that a shard has lost its connection.
func (l *lines) down(shard int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs[shard] = err
	l.rx.Health(err)
}

// tell says that all is well, if it is. Needs l.mu.
func (l *lines) tell() {
	if len(l.errs) == 0 {
		l.rx.Health(nil)
	}
}
