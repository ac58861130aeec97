package main

import (
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// keysQuery knows the store's schema, as sendingQuery does.
const keysQuery = "SELECT key FROM turn WHERE key IS NOT NULL"

// TestACopyOfTheFilesAtAnyMomentHoldsAllThatWasAcknowledged is the machine that loses its power while everything it wrote has reached the
// disk in the order of writing: the files are copied while the program stands still, wherever it is.
func TestACopyOfTheFilesAtAnyMomentHoldsAllThatWasAcknowledged(t *testing.T) {
	r := newRig(t, setup{})
	l := newLoad(r)
	r.virtuals.SetDelay(2 * time.Millisecond)
	var mu sync.Mutex
	keys, acknowledged := map[int64]string{}, []int64{} // of updates
	r.telegram.OnStep(func(s bridgetest.Step) {
		if s.Name == bridgetest.OffsetConfirmed {
			mu.Lock()
			defer mu.Unlock()
			acknowledged = append(acknowledged, s.Updates...)
		}
	})
	r.start()
	r.ready()
	held, last := 0, 0
	for n := range l.messages {
		for i, c := range l.chats {
			w := r.telegram.Write(bridgetest.Line{Chat: c, From: l.users[i], Text: text(i, n)})
			mu.Lock()
			keys[w.Update(r.bot)] = fmt.Sprintf("%d/%d", c.ID, w.Message)
			mu.Unlock()
			if i%4 != 3 {
				continue
			}
			thaw := r.freeze()
			mu.Lock()
			promised := slices.Clone(acknowledged)
			mu.Unlock()
			copied := r.copyFiles(filepath.Join(r.dir, fmt.Sprintf("copy-%d-%d", n, i)), (n+i)%8 < 4)
			thaw()
			stored := storedKeys(t, copied)
			mu.Lock()
			for _, u := range promised {
				if !stored[keys[u]] {
					t.Errorf("copy %d of round %d: update %d was acknowledged and is not in it", i, n, u)
				}
			}
			mu.Unlock()
			if len(promised) > last {
				held++
			}
			last = len(promised)
			if err := os.RemoveAll(filepath.Dir(copied)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if held < 5 {
		t.Errorf("only %d copies held more than the one before: nothing was tested", held)
	}
	if err := r.telegram.WaitFor(deadline(t), l.answered(r)); err != nil {
		t.Errorf("%v after the copies; log:\n%s", err, r.logged())
	}
}

// freeze stops every thread of the program, wherever it is, and returns what lets it go on.
func (r *rig) freeze() (thaw func()) {
	r.t.Helper()
	r.mu.Lock()
	child := r.child.Process
	r.mu.Unlock()
	if err := child.Signal(syscall.SIGSTOP); err != nil {
		r.t.Fatal(err)
	}
	r.await("all threads to stand still", func() bool {
		stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", child.Pid))
		return err == nil && len(stats) > 0 && !slices.ContainsFunc(stats, func(file string) bool {
			stat, err := os.ReadFile(file)
			_, state, _ := strings.Cut(string(stat), ") ")
			return err == nil && !strings.HasPrefix(state, "T")
		})
	})
	return func() {
		if err := child.Signal(syscall.SIGCONT); err != nil {
			r.t.Error(err)
		}
	}
}

// copyFiles copies the database and its log, with the shared memory file or without.
func (r *rig) copyFiles(dir string, all bool) string {
	r.t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		r.t.Fatal(err)
	}
	suffixes := []string{"", "-wal"}
	if all {
		suffixes = append(suffixes, "-shm")
	}
	for _, suffix := range suffixes {
		data, err := os.ReadFile(filepath.Join(r.dir, "a.db"+suffix))
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "a.db"+suffix), data, 0o600)
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	return filepath.Join(dir, "a.db")
}

// storedKeys checks a copied database and returns the event keys in it.
func storedKeys(t *testing.T, file string) map[string]bool {
	t.Helper()
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var integrity string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Errorf("integrity: %q %v", integrity, err)
	}
	rows, err := db.Query(keysQuery)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	keys := map[string]bool{}
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			t.Fatal(err)
		}
		keys[key] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestEachAcknowledgementFollowsASyncOfTheDisk looks at the program's system calls: between an update and the getUpdates with the offset
// that confirms it, the log of the database is synced.
func TestEachAcknowledgementFollowsASyncOfTheDisk(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		if os.Getenv("AVATARBRIDGE_TEST_ALL") != "" {
			t.Fatal("strace is not installed, and AVATARBRIDGE_TEST_ALL wants all tests")
		}
		t.Skip("strace is not installed")
	}
	r := newRig(t, setup{})
	user := r.telegram.AddUser("Ann")
	chat := r.telegram.Direct(user, r.bot)
	trace := filepath.Join(r.dir, "calls")
	r.under = []string{strace, "-f", "-y", "-s", "4096", "-e", "trace=write,fdatasync,fsync", "-o", trace}
	r.start()
	t.Cleanup(r.killTraced)
	r.ready()
	const messages = 5
	for n := range messages {
		w := r.telegram.Write(bridgetest.Line{Chat: chat, From: user, Text: text(0, n)})
		// Nothing but this message is under way: whatever is synced before it is confirmed is its own.
		if err := r.telegram.WaitFor(deadline(t), func() bool {
			return r.telegram.PostCount() > n && !slices.Contains(r.bot.Pending(), w.Update(r.bot))
		}); err != nil {
			t.Fatalf("%v; log:\n%s", err, r.logged())
		}
		r.await("the reply to be settled", r.quiet)
	}
	r.killTraced()
	calls, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer calls.Close()
	all, unsynced := acknowledgements(t, calls)
	if all < messages {
		t.Errorf("%d acknowledgements were seen, want %d at least", all, messages)
	}
	if len(unsynced) > 0 {
		t.Errorf("the offsets %v were confirmed, and nothing had been synced since the ones before", unsynced)
	}
}

func TestAnAcknowledgementWithoutASyncIsSeenInATrace(t *testing.T) {
	const poll, sync = `7 write(9<socket:[1]>, "POST /bot1:x/getUpdates HTTP/1.1\r\n\r\nlimit=100`, "7 fdatasync(5</a.db-wal>"
	for trace, want := range map[string]string{
		poll + "\n" + sync + ") = 0\n" + poll + "&offset=4":                                                                    "1 []",
		poll + "\n" + poll + "&offset=4":                                                                                       "1 [4]",
		poll + "\n" + sync + " <unfinished ...>\n" + poll + "&offset=4\n7 <... fdatasync resumed>) = 0":                        "1 [4]",
		poll + "\n" + sync + " <unfinished ...>\n7 <... fdatasync resumed>) = 0\n" + poll + "&offset=4\n" + poll + "&offset=4": "1 []",
		poll + "\n" + sync + ") = -1 EIO\n" + poll + "&offset=4":                                                               "1 [4]",
		poll + "\n7 fdatasync(5</other>) = 0\n" + poll + "&offset=4":                                                           "1 [4]",
	} {
		all, unsynced := acknowledgements(t, strings.NewReader(trace))
		if got := fmt.Sprint(all, unsynced); got != want {
			t.Errorf("%s, want %s, in\n%s", got, want, trace)
		}
	}
}

// killTraced kills the program that runs under another one, which then ends too: killed itself, it would leave the program behind.
func (r *rig) killTraced() {
	r.mu.Lock()
	tracer, dead := r.child.Process.Pid, r.dead
	r.mu.Unlock()
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", tracer, tracer))
	if err != nil {
		return // it is dead already
	}
	for child := range strings.FieldsSeq(string(children)) {
		if pid, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	<-dead
}

var (
	offsetIn = regexp.MustCompile(`offset=(\d+)`)
	syncOf   = regexp.MustCompile(`^(\d+) +f(?:data)?sync\(\d+<[^>]*-wal>(\) += 0| <unfinished)`)
	resumed  = regexp.MustCompile(`^(\d+) +<\.\.\. f(?:data)?sync resumed>\) += 0`)
	asking   = regexp.MustCompile(`^(\d+) +write\(\d+<socket:[^>]*>, "POST /bot[^ ]*/getUpdates `)
)

// acknowledgements reads a trace and returns how many getUpdates had a higher offset than the one before, and which of these came without a
// sync of the database's log between the two.
func acknowledgements(t *testing.T, trace io.Reader) (all int, unsynced []int64) {
	t.Helper()
	text, err := io.ReadAll(trace)
	if err != nil {
		t.Fatal(err)
	}
	offset, asked, synced := int64(-1), false, false
	under := map[string]bool{} // threads that are in a sync of the log
	for line := range strings.SplitSeq(string(text), "\n") {
		if m := syncOf.FindStringSubmatch(line); m != nil {
			under[m[1]] = strings.Contains(m[2], "unfinished")
			synced = synced || !under[m[1]]
			continue
		}
		if m := resumed.FindStringSubmatch(line); m != nil {
			synced = synced || under[m[1]]
			under[m[1]] = false
			continue
		}
		if !asking.MatchString(line) {
			continue
		}
		next := offset
		if m := offsetIn.FindStringSubmatch(line); m != nil {
			if next, err = strconv.ParseInt(m[1], 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		if asked && next > offset {
			if all++; !synced {
				unsynced = append(unsynced, next)
			}
		}
		offset, asked, synced = next, true, false
	}
	return all, unsynced
}
