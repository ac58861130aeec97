package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A visit is how many people are on a chat page at once and how much they write.
type visit struct {
	visitors, messages int
	every              time.Duration // between two messages of a visitor
	pause              time.Duration // before something that failed is tried again
	within             time.Duration // for all of it
}

// visitSize is the visit that the tests run with: AVATARBRIDGE_TEST_LOAD=full is the one that the README speaks of.
func visitSize() visit {
	if os.Getenv("AVATARBRIDGE_TEST_LOAD") == "full" {
		return visit{2000, 6, 10 * time.Second, 750 * time.Millisecond, 5 * time.Minute}
	}
	return visit{100, 3, 200 * time.Millisecond, 20 * time.Millisecond, time.Minute}
}

// amend adds lines to a section of the configuration.
func (r *rig) amend(section, lines string) {
	r.t.Helper()
	path := filepath.Join(r.dir, "config.toml")
	config, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	header := "[" + section + "]\n"
	if strings.Count(string(config), header) != 1 {
		r.t.Fatalf("the configuration has no section %s", section)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(config), header, header+lines, 1)), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// memory is the resident memory of the program, in bytes.
func (r *rig) memory() int {
	r.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.child.Process.Pid))
	if err != nil {
		r.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kB int
	if _, err := fmt.Sscan(rest, &kB); err != nil {
		r.t.Fatalf("no VmRSS in the status of the program: %v", err)
	}
	return kB << 10
}

// needFiles fails where the system lets a process open too few files. Go raises the soft limit by itself, in the child too.
func needFiles(t *testing.T, n int) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur < uint64(n) {
		t.Fatalf("a process may open %d files here, and the test needs %d: raise the limit with ulimit -n", limit.Cur, n)
	}
}

// gather lets visitors come to pages, one to each in turn, with numbers from first on. It returns when all are connected; stop closes
// their pages and returns when nothing of them runs any more.
func (c *crowd) gather(ctx context.Context, t *testing.T, n, first int, pages ...string) (all []*visitor, stop func()) {
	t.Helper()
	for i := range n {
		v, err := c.enter(ctx, pages[i%len(pages)], first+i)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	ctx, cancel := context.WithCancel(ctx)
	var work, connected sync.WaitGroup
	for _, v := range all {
		connected.Add(1)
		work.Go(func() { v.listen(ctx, connected.Done) })
	}
	stop = func() { cancel(); work.Wait() }
	t.Cleanup(stop)
	there := make(chan struct{})
	go func() { connected.Wait(); close(there) }()
	select {
	case <-there:
	case <-ctx.Done():
		t.Fatalf("the visitors are not connected: %v", ctx.Err())
	}
	return all, stop
}

// talk lets everybody write messages, one at every time after a moment of their own. It returns when all have been accepted.
func talk(ctx context.Context, all []*visitor, messages int, every time.Duration) {
	var work sync.WaitGroup
	start := time.Now()
	for i, v := range all {
		work.Go(func() {
			next := start.Add(every * time.Duration(i) / time.Duration(len(all)))
			for range messages {
				timer := time.NewTimer(time.Until(next))
				select {
				case <-timer.C:
				case <-ctx.Done():
					timer.Stop()
					return
				}
				if !v.say(ctx) {
					return
				}
				next = next.Add(every)
			}
		})
	}
	work.Wait()
}

// answered waits for the first replies to n more messages.
func (c *crowd) answered(ctx context.Context, n int) error {
	for i := range n {
		select {
		case <-c.replies:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d messages were answered: %w", i, n, ctx.Err())
		}
	}
	return nil
}

// checkAll checks what each visitor saw, and what each sees after loading the page anew.
func checkAll(ctx context.Context, t *testing.T, all []*visitor, messages int) {
	t.Helper()
	bad := 0
	for _, v := range all {
		items, err := v.again(ctx)
		wrong := append(v.troubles, v.check("the page", v.items, messages)...)
		if err != nil {
			wrong = append(wrong, err.Error())
		} else {
			wrong = append(wrong, v.check("the page, loaded anew", items, messages)...)
		}
		if len(wrong) > 0 {
			if bad++; bad <= 10 {
				t.Errorf("visitor %d: %s", v.number, strings.Join(wrong, "; "))
			}
		}
	}
	if bad > 0 {
		t.Errorf("%d of %d visitors lost something or saw it twice", bad, len(all))
	}
}

func TestNoEventIsLostOrDoubledOverTwoRestarts(t *testing.T) {
	size := visitSize()
	needFiles(t, 4*size.visitors)
	r := newPageRig(t)
	r.amend("bridges.mine", "max_per_address = 0\n")
	ctx, cancel := context.WithTimeout(t.Context(), size.within)
	defer cancel()
	r.start()
	r.ready()
	idle := r.memory()
	c := newCrowd(t, size.visitors*size.messages, size.pause)
	all, leave := c.gather(ctx, t, size.visitors, 0, "http://"+r.public+"/chat/mine")
	t.Logf("idle, the program has %d kB; with %d visitors connected %.1f kB more for each", idle>>10, len(all), perVisitor(r.memory()-idle, len(all)))

	var talking sync.WaitGroup
	talking.Go(func() { talk(ctx, all, size.messages, size.every) })
	total := size.visitors * size.messages
	err := c.answered(ctx, total/3)
	disturbed := time.Now()
	for _, more := range []int{total / 3, total - 2*(total/3)} {
		if err == nil {
			t.Logf("killed with %.1f kB more for each visitor than when it was idle", perVisitor(r.memory()-idle, len(all)))
			r.kill()
			r.start()
			err = c.answered(ctx, more)
		}
	}
	if err != nil {
		t.Errorf("%v; the log ends with\n%s", err, tail(r.logged()))
		cancel()
	}
	talking.Wait()
	if err == nil {
		r.await("nothing to wait", r.quiet)
	}
	t.Logf("at the end it has %.1f kB more for each visitor", perVisitor(r.memory()-idle, len(all)))
	leave()
	checkAll(t.Context(), t, all, size.messages) // after a failure, too: it says who lost what
	reportDelays(t, all, disturbed)
}

func perVisitor(bytes, n int) float64 { return float64(bytes) / 1024 / float64(n) }

// tail is the end of a log.
func tail(log string) string { return log[max(0, len(log)-4000):] }

// reportDelays logs how long replies took: those that were there before the first kill, and the others. It checks that the kills concerned somebody.
func reportDelays(t *testing.T, all []*visitor, disturbed time.Time) {
	t.Helper()
	var before, calm, struck []time.Duration
	streams := 0
	for _, v := range all {
		streams += v.streams
		for _, m := range v.messages {
			switch {
			case m.took > 0 && m.wrote.Add(m.took).Before(disturbed):
				before = append(before, m.took)
			case m.calm:
				calm = append(calm, m.took)
			default:
				struck = append(struck, m.took)
			}
		}
	}
	if streams <= len(all) || len(struck) == 0 || len(before) == 0 {
		t.Errorf("%d streams of %d visitors, %d replies before the kills, %d messages under way at them: nothing was tested", streams, len(all), len(before), len(struck))
	}
	t.Logf("%d streams of %d visitors", streams, len(all))
	t.Logf("%d replies before the first kill: %s", len(before), quantiles(before))
	t.Logf("%d later replies to visitors who were connected all the time: %s", len(calm), quantiles(calm))
	t.Logf("%d replies to visitors who met a kill: %s", len(struck), quantiles(struck))
}

// quantiles says how long things took.
func quantiles(all []time.Duration) string {
	if len(all) == 0 {
		return "none"
	}
	slices.Sort(all)
	at := func(share float64) time.Duration {
		return all[int(share*float64(len(all)-1))].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("p50 %v, p99 %v, longest %v", at(0.5), at(0.99), at(1))
}
