package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"avatarbridge/store"
)

// childOf names the database on which this binary works as another process.
const childOf = "AVATARBRIDGE_TEST_DATABASE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childOf); path != "" {
		if err := work(path, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// work accepts, finishes and settles until it is killed; it writes a line for all that it was told is durable.
func work(path string, told io.Writer) error {
	s, err := Open(context.Background(), Config{Path: path})
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	tell := func(line ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(told, line...)
	}
	for w := range 8 {
		all.Go(func() {
			for i := 0; ; i++ {
				if err := live(s, fmt.Sprint("u", w, "-", i%5), fmt.Sprint("k", w, "-", i), tell); err != nil {
					tell("error", err)
					return
				}
			}
		})
	}
	all.Wait()
	return errors.New("all have failed")
}

func live(s *Store, user, key string, tell func(...any)) error {
	ctx := context.Background()
	got, err := s.Accept(ctx, store.Batch{Account: account, Now: now, Entries: []store.Entry{newTurn(user, key, key)}, Turns: 1})
	if err != nil {
		return err
	}
	tell("accepted", key)
	out, err := s.Finish(ctx, store.Finished{Turn: got[0].Turn.Row, Now: now, Send: true, Replies: []store.Reply{{Pieces: [][]byte{[]byte(key)}}}})
	if err != nil {
		return err
	}
	tell("finished", key)
	if _, err = s.Settle(ctx, store.Settled{Post: out.Post.ID, Now: now, As: store.Sent}); err != nil {
		return err
	}
	tell("settled", key)
	return nil
}

// child starts work as a process of its own.
func child(t *testing.T, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childOf+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

func TestWhatWasToldDurableSurvivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	for _, after := range []int{1, 37, 301} {
		cmd, lines := child(t, path+fmt.Sprint(after))
		state := map[string]string{}
		for n := 1; lines.Scan(); n++ {
			what, key, _ := strings.Cut(lines.Text(), " ")
			if what == "error" {
				t.Fatal(key)
			}
			state[key] = what
			if n == after {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("it was not killed")
		}
		survived(t, path+fmt.Sprint(after), state)
	}
}

// survived compares a store with what its process was told before it was killed.
func survived(t *testing.T, path string, state map[string]string) {
	t.Helper()
	s := openAt(t, path)
	sound(t, s)
	waits := map[string]string{}
	turns, _, err := s.ClaimTurns(t.Context(), account, "luna", now, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, turn := range turns {
		waits[string(turn.Body)] = "accepted"
	}
	posts, _, err := s.ClaimPosts(t.Context(), account, now, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range posts {
		waits[string(p.Body)] = "finished"
		if !p.Unclear {
			t.Errorf("%s was handed out and is not unclear", p.Body)
		}
	}
	for key, was := range state {
		if accept(t, s, newTurn("x", key, key))[0].Verdict != store.Known {
			t.Errorf("%s was %s and is lost", key, was)
		}
		// What had not been told may have happened all the same: one step further.
		is := waits[key]
		if was == "finished" && is == "accepted" || was == "settled" && is != "" {
			t.Errorf("%s was %s and is %s again", key, was, is)
		}
	}
}

// sound has SQLite check the whole file.
func sound(t *testing.T, s *Store) {
	t.Helper()
	if err := s.read(t.Context(), func(c *conn) error {
		r, err := c.one("PRAGMA integrity_check")
		if err == nil && r.text(0) != "ok" {
			t.Errorf("integrity: %s", r.text(0))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestASecondProcessIsLockedOutUntilTheFirstIsKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	cmd, lines := child(t, path)
	if !lines.Scan() {
		t.Fatal("the first process said nothing")
	}
	if _, err := Open(t.Context(), Config{Path: path}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("second open: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // until its end of the pipe is closed
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it was not killed")
	}
	openAt(t, path)
}

func TestACopyFromTheMiddleOfATransactionIsSound(t *testing.T) {
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "copy.db")
	s := openAt(t, filepath.Join(dir, "store.db"))
	sing(t, s, 1)
	accept(t, s, newTurn("v", "first", "first"), newTurn("v", "second", "second"))
	// The files are copied in the middle of a transaction that has written already.
	copying := store.Entry{Edit: &store.Edit{Target: "second", Body: func([]byte) []byte {
		for _, suffix := range []string{"", "-wal"} {
			b, err := os.ReadFile(filepath.Join(dir, "store.db") + suffix)
			if err == nil {
				err = os.WriteFile(to+suffix, b, 0o600)
			}
			if err != nil {
				t.Error(err)
			}
		}
		return nil
	}}}
	accept(t, s, newTurn("w", "uncommitted", strings.Repeat("x", 100_000)), copying)
	other := openAt(t, to)
	sound(t, other)
	for key, want := range map[string]store.Verdict{"first": store.Known, "second": store.Known, "uncommitted": store.Done} {
		if got := accept(t, other, newTurn("w", key, key))[0].Verdict; got != want {
			t.Errorf("%s: verdict %d, want %d", key, got, want)
		}
	}
}
