package storetest

import (
	"bytes"
	"time"

	"avatarbridge/store"
)

// memo asks and finishes a turn that leaves a memo of its key.
func (b *bench) memo(user, key string, keep int, ends bool) int64 {
	b.Helper()
	t := b.ask(user, direct(user), key)
	f := store.Finished{Turn: t.Row, Now: b.now, Memo: []byte(key), Memos: keep}
	if ends {
		f.Replies = []store.Reply{{Ends: true}}
	}
	b.finishAs(f)
	return t.Conversation.ID
}

func (b *bench) transcript(conversation int64, n int) string {
	b.Helper()
	memos, err := b.Transcript(b.ctx, conversation, n)
	b.check(err)
	return string(bytes.Join(memos, []byte(" ")))
}

var transcriptExamples = []example{
	{"ATranscriptKeepsTheLastMemosInOrder", func(b *bench) {
		var c int64
		for _, key := range []string{"one", "two", "three", "four"} {
			c = b.memo("u1", key, 3, false)
		}
		b.memo("u2", "other", 3, false)
		same(b, "all", b.transcript(c, 9), "two three four")
		same(b, "the last", b.transcript(c, 2), "three four")
		b.reopen()
		same(b, "after a restart", b.transcript(c, 9), "two three four")
		b.crash()
		same(b, "after a crash", b.transcript(c, 9), "two three four")
		same(b, "of nobody", b.transcript(c+1000, 9), "")
	}},
	{"ATranscriptEndsWithItsGeneration", func(b *bench) {
		b.memo("u1", "one", 3, false)
		c := b.memo("u1", "the last", 3, true)
		same(b, "after the end", b.transcript(c, 9), "")
		b.memo("u1", "new", 3, false)
		same(b, "of the new one", b.transcript(c, 9), "new")
		late := b.ask("u1", direct("u1"), "late")
		b.accept(store.Entry{Reset: &store.Reset{Post: store.NewPost{From: who("u1"), In: direct("u1")}}})
		b.finishAs(store.Finished{Turn: late.Row, Now: b.now, Memo: []byte("late"), Memos: 3})
		same(b, "asked before the reset", b.transcript(c, 9), "")
	}},
	{"PurgeDeletesOldMemos", func(b *bench) {
		c := b.memo("u1", "old", 3, false)
		b.pass(24 * time.Hour)
		b.memo("u1", "new", 3, false)
		_, err := b.Purge(b.ctx, b.now)
		b.check(err)
		same(b, "after the purge", b.transcript(c, 9), "new")
	}},
}
