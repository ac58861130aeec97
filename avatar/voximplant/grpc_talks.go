package voximplant

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"avatarbridge/bridges/fault"
)

const (
	maxStreams = 90               // of the 100 connections that Voximplant documents: others may use the account too
	idleStream = 10 * time.Minute // without an utterance or a reply; a scenario's own time-outs are shorter
	fullPause  = 2 * time.Second  // while all streams wait for replies
)

var errFull = errors.New("all conversations that the service allows at once are waiting for replies")

// talks are the live conversations. There are never more than max: the one that was silent for longest makes room.
type talks struct {
	max  int
	idle time.Duration
	wait time.Duration // before a later reply that could not be stored is said again; doubled each time
	now  func() time.Time
	log  *slog.Logger
	ctx  context.Context // ends all
	stop context.CancelFunc
	runs sync.WaitGroup

	mu   sync.Mutex
	byID map[string]*talk
}

func newTalks(log *slog.Logger) *talks {
	t := &talks{max: maxStreams, idle: idleStream, wait: time.Second, now: time.Now, log: log, byID: map[string]*talk{}}
	t.ctx, t.stop = context.WithCancel(context.Background())
	return t
}

// get returns the conversation's talk, which is then in use until release. fresh says that it has no stream yet.
func (t *talks) get(conversation string) (k *talk, fresh bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k := t.byID[conversation]; k != nil && k.ctx.Err() == nil {
		k.inUse, k.used = true, t.now()
		if k.idle != nil {
			k.idle.Stop()
		}
		return k, false, nil
	}
	delete(t.byID, conversation)
	if len(t.byID) >= t.max && !t.makeRoom() {
		return nil, false, fault.Throttle(fault.Avatar, fullPause, errFull)
	}
	k = &talk{conversation: conversation, log: t.log, wait: t.wait, over: make(chan struct{}), changed: make(chan struct{}), inUse: true, used: t.now()}
	k.ctx, k.cancel = context.WithCancel(t.ctx)
	t.byID[conversation] = k
	return k, true, nil
}

// makeRoom closes the talk that was silent for longest, and reports whether there is one that may be closed. The talks are locked.
func (t *talks) makeRoom() bool {
	var oldest *talk
	for _, k := range t.byID {
		if !k.inUse && (oldest == nil || k.used.Before(oldest.used)) {
			oldest = k
		}
	}
	if oldest != nil {
		t.drop(oldest)
	}
	return oldest != nil
}

// hear reads the talk's stream in the background; done is called at its end.
func (t *talks) hear(k *talk, done func()) {
	t.runs.Go(func() {
		defer done()
		k.hear(func() { t.heard(k) })
		t.close(k)
	})
}

// heard notes that the talk is alive.
func (t *talks) heard(k *talk) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k.used = t.now()
	if !k.inUse && k.idle != nil {
		k.idle.Reset(t.idle)
	}
}

// release ends the use of a talk.
func (t *talks) release(k *talk) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k.inUse, k.used = false, t.now()
	if t.byID[k.conversation] != k {
		return
	}
	if k.idle == nil {
		k.idle = time.AfterFunc(t.idle, func() { t.closeIdle(k) })
	} else {
		k.idle.Reset(t.idle)
	}
}

// closeIdle closes the talk unless it was taken into use a moment ago.
func (t *talks) closeIdle(k *talk) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !k.inUse {
		t.drop(k)
	}
}

// close ends a talk.
func (t *talks) close(k *talk) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(k)
}

// end ends the talk of the conversation, if there is one.
func (t *talks) end(conversation string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k := t.byID[conversation]; k != nil {
		t.drop(k)
	}
}

// drop ends a talk. The talks are locked.
func (t *talks) drop(k *talk) {
	k.cancel()
	if k.idle != nil {
		k.idle.Stop()
	}
	if t.byID[k.conversation] == k {
		delete(t.byID, k.conversation)
	}
}

// closeAll ends all talks and waits until what was heard is said.
func (t *talks) closeAll() {
	t.mu.Lock()
	for _, k := range t.byID {
		t.drop(k)
	}
	t.mu.Unlock()
	t.stop()
	t.runs.Wait()
}
