package relay_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// drafty is a platform that shows drafts, finds posts and takes them back.
type drafty struct {
	*fakeBridge
	style bridges.DraftStyle

	mu      sync.Mutex
	drafts  []bridges.Draft
	refuse  error
	removed []string
	gone    error
	posted  map[string]string // by the post's id: what is on the platform
	deaf    error             // what Find returns
	drawing func()            // not nil: called before a draft appears
	unsure  bool              // whoever shows a draft is not told that it is there
}

func (b *drafty) Drafts(bridges.Place) bridges.DraftStyle { return b.style }

func (b *drafty) Draft(_ context.Context, d bridges.Draft) (string, error) {
	if b.drawing != nil {
		b.drawing()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drafts = append(b.drafts, d)
	if b.refuse != nil {
		return "", b.refuse
	}
	if !b.style.Stays {
		return "", nil
	}
	if b.posted == nil {
		b.posted = map[string]string{}
	}
	if d.Lost && b.posted[d.ID] != "" {
		return b.posted[d.ID], nil
	}
	if d.Shown == "" {
		d.Shown = fmt.Sprintf("draft-%d", len(b.drafts))
		b.posted[d.ID] = d.Shown
	}
	if b.unsure {
		return "", fault.Unsure(nil)
	}
	return d.Shown, nil
}

func (b *drafty) Remove(_ context.Context, _ bridges.Place, id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone != nil {
		return b.gone
	}
	b.removed = append(b.removed, id)
	return nil
}

func (b *drafty) Find(_ context.Context, m bridges.Message, _ time.Time) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.posted[m.ID], b.deaf
}

// breaks makes Remove fail; nil: it works again.
func (b *drafty) breaks(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gone = err
}

// put notes that the post with this id is on the platform.
func (b *drafty) put(id, sent string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.posted == nil {
		b.posted = map[string]string{}
	}
	b.posted[id] = sent
}

// shownDrafts returns the texts of the drafts.
func (b *drafty) shownDrafts() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var texts []string
	for _, d := range b.drafts {
		texts = append(texts, d.Text)
	}
	return texts
}

func (b *drafty) takenBack() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.removed...)
}

// pager is a platform with a page: it feeds, and can fetch what people said.
type pager struct {
	*fakeBridge
	news  chan bridges.Place
	voice map[string]*bridges.File
	slow  chan struct{} // not nil: Attachment waits until it is closed
}

func (b *pager) Feed() int            { return 3 }
func (b *pager) News(p bridges.Place) { b.news <- p }
func (b *pager) items(after int64, n int) ([]bridges.Item, error) {
	return b.rx.Feed(context.Background(), bridges.Place{Channel: "ann", Direct: true}, bridges.Person{Platform: "fake", User: "ann"}, after, n)
}

func (b *pager) Attachment(_ context.Context, a bridges.Attachment) (*bridges.File, error) {
	if b.slow != nil {
		<-b.slow
	}
	if f := b.voice[a.Ref]; f != nil {
		return f, nil
	}
	return nil, fault.Reject("it is gone", nil)
}

var (
	_ bridges.Drafter = (*drafty)(nil)
	_ bridges.Remover = (*drafty)(nil)
	_ bridges.Finder  = (*drafty)(nil)
	_ bridges.Feeder  = (*pager)(nil)
	_ bridges.Fetcher = (*pager)(nil)
)
