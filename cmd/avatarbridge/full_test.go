package main

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"avatarbridge/avatar/avatartest"
)

func TestFullStoreStopsIntakeSaysWhyAndGoesOnWhenThereIsRoom(t *testing.T) {
	r := newRig(t, setup{store: "max_bytes = 1_500_000"})
	room := make(chan struct{})
	var once sync.Once
	free := func() { once.Do(func() { close(room) }) }
	defer free()
	r.virtuals.Answer(func(p avatartest.Prompt) avatartest.Answer {
		<-room // until then everything that comes in stays in the store
		return avatartest.Answer{Text: "ok"}
	})
	long := strings.Repeat("x", 3000)
	r.start()
	r.ready()
	written := 0
	for full := false; !full; {
		if written > 3000 {
			t.Fatal("the store does not fill up")
		}
		for range 50 {
			u, c := r.person(fmt.Sprint("p", written))
			r.say(u, c, long)
			written++
		}
		code, body := r.get("/readyz")
		full = code == 503 && strings.Contains(body, "full")
	}
	pending := len(r.bot.Pending())
	if pending == 0 {
		t.Error("all updates were acknowledged though the store is full")
	}
	free()
	if err := r.telegram.WaitFor(deadline(t), func() bool { return r.telegram.PostCount() >= written-pending }); err != nil {
		t.Fatalf("%d of %d that were accepted were answered: %v; log:\n%s", r.telegram.PostCount(), written-pending, err, r.logged())
	}
	r.signal(syscall.SIGTERM)
	r.write(setup{})
	r.start()
	if err := r.telegram.WaitFor(deadline(t), func() bool { return r.telegram.PostCount() >= written }); err != nil {
		t.Errorf("%d of %d were answered: %v; log:\n%s", r.telegram.PostCount(), written, err, r.logged())
	}
	r.ready()
	if n := r.telegram.PostCount(); n != written {
		t.Errorf("%d posts for %d messages", n, written)
	}
	r.unharmed()
}

func TestLockedDatabaseStopsIntakeSaysWhyAndGoesOnAfter(t *testing.T) {
	r := newRig(t, setup{})
	ann, chat := r.person("Ann")
	r.start()
	r.ready()
	db, err := sql.Open("sqlite3", filepath.Join(r.dir, "a.db")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	r.say(ann, chat, "while locked")
	r.await("readyz to say that the database is locked", func() bool {
		code, body := r.get("/readyz")
		return code == 503 && strings.Contains(body, "locked")
	})
	if len(r.bot.Pending()) != 1 {
		t.Error("the update was acknowledged though nothing could be stored")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	r.awaitPost(chat, "while locked")
	r.ready()
}
