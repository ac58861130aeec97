package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/store"
	"avatarbridge/store/sqlite"
)

// sendingQuery knows the store's schema: the test looks into the database of a dead process.
const sendingQuery = "SELECT count(*) FROM post WHERE state = 0 AND sending = 1"

// A load is messages of people in chats of their own.
type load struct {
	chats    []*bridgetest.Chat
	users    []*bridgetest.User
	messages int // in each chat
}

// size is the load that the tests run with: AVATARBRIDGE_TEST_LOAD=full is the one that the README speaks of.
func size() (chats, messages int) {
	if os.Getenv("AVATARBRIDGE_TEST_LOAD") == "full" {
		return 200, 10
	}
	return 40, 10
}

func newLoad(r *rig) *load {
	chats, messages := size()
	l := &load{messages: messages}
	for i := range chats {
		u := r.telegram.AddUser(fmt.Sprint("person ", i))
		l.users = append(l.users, u)
		l.chats = append(l.chats, r.telegram.Direct(u, r.bot))
	}
	return l
}

// write lets everybody write their messages [from, to), in turn.
func (l *load) write(r *rig, from, to int) {
	for n := from; n < to; n++ {
		for i, c := range l.chats {
			r.telegram.Write(bridgetest.Line{Chat: c, From: l.users[i], Text: text(i, n)})
		}
	}
}

func text(chat, n int) string { return fmt.Sprintf("m%d.%d.", chat, n) }

// check returns how often replies were repeated, and which messages were not answered. Order is checked on first appearances.
func (l *load) check(r *rig) (repeats int, missing []string) {
	r.t.Helper()
	for i, c := range l.chats {
		seen := make([]int, l.messages)
		last := -1
		for _, p := range r.telegram.PostsIn(c) {
			n := l.which(i, p.Text)
			if n < 0 {
				r.t.Errorf("chat %d: an unexpected post %q", i, p.Text)
				continue
			}
			if seen[n]++; seen[n] > 1 {
				repeats++
			} else if n < last {
				r.t.Errorf("chat %d: the reply to %d came after the one to %d", i, n, last)
			}
			last = max(last, n)
		}
		for n, times := range seen {
			if times == 0 {
				missing = append(missing, text(i, n))
			}
		}
	}
	return repeats, missing
}

func (l *load) which(chat int, post string) int {
	for n := range l.messages {
		if strings.Contains(post, text(chat, n)) {
			return n
		}
	}
	return -1
}

// answered reports whether every message has a reply.
func (l *load) answered(r *rig) func() bool {
	return func() bool {
		if r.telegram.PostCount() < len(l.chats)*l.messages {
			return false
		}
		_, missing := l.check(r)
		return len(missing) == 0
	}
}

func TestEveryMessageIsAnsweredOnceAndInOrder(t *testing.T) {
	r := newRig(t, setup{})
	l := newLoad(r)
	r.start()
	l.write(r, 0, l.messages)
	if err := r.telegram.WaitFor(deadline(t), l.answered(r)); err != nil {
		t.Fatalf("%v; log:\n%s", err, r.logged())
	}
	if repeats, _ := l.check(r); repeats > 0 {
		t.Errorf("%d replies were repeated", repeats)
	}
	l.memories(r)
}

// memories checks that no two people share a memory uid, that each has one, and that the tokens were asked for it.
func (l *load) memories(r *rig) {
	r.t.Helper()
	owner := map[string]string{} // uid → chat
	uid := map[string]string{}   // chat → uid
	for _, p := range r.virtuals.Prompts() {
		chat, _, _ := strings.Cut(p.Text, ".")
		if other, ok := owner[p.UserUID]; ok && other != chat {
			r.t.Fatalf("%s and %s share the memory %s", chat, other, p.UserUID)
		}
		if before, ok := uid[chat]; ok && before != p.UserUID {
			r.t.Fatalf("%s had the memory %s, then %s", chat, before, p.UserUID)
		}
		owner[p.UserUID], uid[chat] = chat, p.UserUID
	}
	for _, q := range r.virtuals.TokenRequests() {
		if owner[q.UserUID] == "" {
			r.t.Errorf("a token was asked for %q, who wrote nothing", q.UserUID)
		}
	}
}

// crash kills the program and starts it again, and returns how many posts were in flight.
func (r *rig) crash() int {
	r.kill()
	n := r.sending()
	r.start()
	return n
}

func TestKilledAtRandomMomentsNothingIsLost(t *testing.T) {
	for _, policy := range []string{"repeat", "hold"} {
		t.Run(policy, func(t *testing.T) { killedAtRandom(t, policy) })
	}
}

func killedAtRandom(t *testing.T, policy string) {
	r := newRig(t, setup{bridge: fmt.Sprintf("on_unclear = %q", policy)})
	l := newLoad(r)
	r.virtuals.SetDelay(5 * time.Millisecond)
	r.start()
	inFlight := 0
	for k := range 10 {
		l.write(r, k*l.messages/10, (k+1)*l.messages/10)
		goal := r.telegram.PostCount() + rand.N(len(l.chats))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_ = r.telegram.WaitFor(ctx, func() bool { return r.telegram.PostCount() >= goal })
		cancel()
		inFlight += r.crash()
	}
	kills := 10
	r.finish(deadline(t), l, nil, &kills, &inFlight, policy)
	repeats, missing := l.check(r)
	t.Logf("10 kills: %d posts were in flight, %d were repeated, %d are held", inFlight, repeats, len(missing))
	l.memories(r)
}

func TestKilledAtEachStepOfTheWireNothingIsLost(t *testing.T) {
	steps := []string{
		string(bridgetest.UpdateHandedOut), string(bridgetest.OffsetConfirmed),
		string(avatartest.TokenAsked), string(avatartest.PromptReceived), string(avatartest.PromptAnswered),
		string(bridgetest.SendReceived), string(bridgetest.SendAnswered),
	}
	for _, policy := range []string{"repeat", "hold"} {
		for _, step := range steps {
			t.Run(policy+"/"+step, func(t *testing.T) {
				t.Parallel()
				killedAt(t, policy, step)
			})
		}
	}
}

func killedAt(t *testing.T, policy, step string) {
	r := newRig(t, setup{bridge: fmt.Sprintf("on_unclear = %q", policy)})
	l := newLoad(r)
	l.chats, l.users = l.chats[:10], l.users[:10]
	var count atomic.Int64
	due := make(chan struct{}, 1)
	reached := func(name string) {
		// The third time and the 30th, so that something is before, beside and behind it. A step that was reached goes on only when
		// the program is dead.
		if name != step {
			return
		}
		if n := count.Add(1); n == 3 || n == 30 {
			r.kill()
			due <- struct{}{}
		}
	}
	r.telegram.OnStep(func(s bridgetest.Step) { reached(string(s.Name)) })
	r.virtuals.OnStep(func(s avatartest.Step, _ avatartest.Heard) { reached(string(s)) })
	r.start()
	ctx := deadline(t)
	inFlight, kills := 0, 0
	for n := range l.messages {
		l.write(r, n, n+1)
		for waiting := true; waiting; {
			select {
			case <-due:
				kills++
				inFlight += r.sending()
				r.start()
			default:
				waiting = false
			}
		}
		step, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		goal := r.telegram.PostCount() + len(l.chats)/2
		_ = r.telegram.WaitFor(step, func() bool { return r.telegram.PostCount() >= goal })
		cancel()
	}
	r.finish(ctx, l, due, &kills, &inFlight, policy)
	if kills == 0 {
		t.Errorf("the step %q was reached %d times only: nothing was tested", step, count.Load())
	}
}

// finish waits until every message is answered, or listed as unclear where the policy is to hold, and checks repeats.
func (r *rig) finish(ctx context.Context, l *load, due chan struct{}, kills, inFlight *int, policy string) {
	r.t.Helper()
	for tick := time.NewTicker(50 * time.Millisecond); !l.accounted(r, policy); {
		select {
		case <-due:
			*kills++
			*inFlight += r.sending()
			r.start()
		case <-tick.C:
		case <-ctx.Done():
			_, missing := l.check(r)
			r.t.Fatalf("%v; %d kills; missing %v; log:\n%s", ctx.Err(), *kills, missing, r.logged())
		}
	}
	repeats, missing := l.check(r)
	if policy == "repeat" && repeats > *inFlight {
		r.t.Errorf("%d repeats with %d posts in flight at %d kills", repeats, *inFlight, *kills)
	}
	if policy == "hold" {
		r.holds(repeats, missing, *inFlight)
	}
}

// accounted reports whether what is missing can be explained by posts that are held; finish checks that each is listed.
func (l *load) accounted(r *rig, policy string) bool {
	_, missing := l.check(r)
	return len(missing) == 0 ||
		policy == "hold" && len(r.virtuals.Prompts()) >= len(l.chats)*l.messages && len(r.bot.Pending()) == 0 && r.quiet()
}

// quiet reports whether the program says that nothing waits any more.
func (r *rig) quiet() bool {
	code, body := r.get("/metrics")
	if code != 200 {
		return false
	}
	for line := range strings.SplitSeq(body, "\n") {
		if strings.HasPrefix(line, "avatarbridge_waiting") && !strings.HasSuffix(line, " 0") {
			return false
		}
	}
	return true
}

// holds checks that nothing was repeated, and that each message without a visible reply is in the list of what is unclear.
func (r *rig) holds(repeats int, missing []string, inFlight int) {
	r.t.Helper()
	if repeats > 0 {
		r.t.Errorf("%d replies were repeated in spite of on_unclear = \"hold\"", repeats)
	}
	r.kill()
	st, err := sqlite.Open(r.t.Context(), sqlite.Config{Path: filepath.Join(r.dir, "a.db")})
	if err != nil {
		r.t.Fatal(err)
	}
	defer st.Close()
	letters, err := st.Dead(r.t.Context(), 0, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	if len(letters) > inFlight {
		r.t.Errorf("%d dead letters with %d posts in flight at the kills", len(letters), inFlight)
	}
	for _, m := range missing {
		if !slices.ContainsFunc(letters, func(x store.Letter) bool { return x.Unclear && strings.Contains(string(x.Body), m) }) {
			r.t.Errorf("%s is neither answered nor listed", m)
		}
	}
}
