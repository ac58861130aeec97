package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/bridgetest"
)

// badTokens are addresses of callbacks that must get 404, by what is wrong with them, made of one whose conversation has ended.
func badTokens(old string) map[string]string {
	base, token := old[:strings.LastIndex(old, "/")+1], old[strings.LastIndex(old, "/")+1:]
	forged := []byte(token)
	forged[len(forged)/2] ^= 1
	return map[string]string{
		"wrong":          base + string(forged),
		"missing":        base,
		"foreign":        strings.Replace(old, "/concierge/", "/luna/", 1),
		"old generation": old,
	}
}

// ended returns the callback of a conversation that is over, and another one's that goes on.
func (r voxRig) ended() (old, good string, chat *bridgetest.Chat) {
	r.t.Helper()
	r.vox.Answer(silent)
	ann := r.telegram.AddUser("Ann")
	chat = r.telegram.Direct(ann, r.bot)
	r.write(chat, ann, "the first")
	old = r.heard(1)[0].CallbackURI
	if status, err := r.vox.Post(r.ctx, old, "", avatartest.VoximplantCallback{Response: "bye", Final: true}); err != nil || status/100 != 2 {
		r.t.Fatal(status, err)
	}
	r.write(chat, ann, "the second")
	return old, r.heard(2)[1].CallbackURI, chat
}

func TestManyBadTokensChangeNothingWhateverTheyBring(t *testing.T) {
	r := newVoxRig(t, "")
	r.start()
	old, good, chat := r.ended()
	r.texts(chat, 1)
	r.await("the post to be settled", r.settled)
	before := r.metrics()
	var all sync.WaitGroup
	for name, uri := range badTokens(old) {
		for range 8 {
			all.Go(func() {
				for n := range 50 {
					body := avatartest.VoximplantCallback{Response: fmt.Sprint("evil ", n), Final: n%2 == 0}
					if n%10 == 9 { // no sooner: what comes to a ticket that is not known to be spent is read
						body.Raw = "no JSON at all"
					}
					if status, err := r.vox.Post(r.ctx, uri, "", body); err != nil || status != http.StatusNotFound {
						t.Errorf("%s token, body %d: status %d, %v", name, n, status, err)
						return
					}
				}
			})
		}
	}
	all.Wait()
	if after := r.metrics(); after != before {
		t.Errorf("the metrics were\n%s\nand are\n%s", before, after)
	}
	if status := r.post(good, "well"); status/100 != 2 {
		t.Errorf("the good token: status %d", status)
	}
	if got := r.texts(chat, 2); !slices.Equal(got, []string{"bye", "well"}) {
		t.Errorf("posted %q", got)
	}
}

// metrics are the lines that say what was done and what waits.
func (r *rig) metrics() string {
	_, body := r.get("/metrics")
	var all []string
	for line := range strings.SplitSeq(body, "\n") {
		if strings.HasPrefix(line, "avatarbridge_messages_total") || strings.HasPrefix(line, "avatarbridge_waiting") || strings.HasPrefix(line, "avatarbridge_dead") {
			all = append(all, line)
		}
	}
	return strings.Join(all, "\n")
}

func TestFiveThousandBadTokensASecondSlowNobodyDownByMoreThanTwice(t *testing.T) {
	if os.Getenv("AVATARBRIDGE_TEST_LOAD") != "full" {
		t.Skip("a measurement: set AVATARBRIDGE_TEST_LOAD=full")
	}
	const people, messages = 16, 40
	r := newVoxRig(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	r.ctx = ctx
	r.start()
	old, _, _ := r.ended()
	r.vox.Answer(nil)
	r.flow(people, 5) // warms up
	for name, uri := range badTokens(old) {
		var calm, flooded []time.Duration
		var rates []int
		for range 3 {
			calm = append(calm, r.flow(people, messages))
			f := startFlood(t, uri, 5000)
			flooded = append(flooded, r.flow(people, messages))
			rates = append(rates, f.stop())
		}
		ratio := float64(slices.Min(flooded)) / float64(slices.Min(calm))
		t.Logf("%s: %d messages with their replies in %v, with the flood in %v: %.2f times; refused %v a second",
			name, people*messages, calm, flooded, ratio, rates)
		if ratio > 2 || slices.Max(rates) < 4500 {
			t.Errorf("%s: %.2f times slower, at %v a second", name, ratio, rates)
		}
	}
}

// flow lets people who never wrote before each write n messages, the next one when the reply to the last one is there, and returns how long that
// took.
func (r voxRig) flow(people, n int) time.Duration {
	r.t.Helper()
	var all sync.WaitGroup
	began := time.Now()
	for i := range people {
		u := r.telegram.AddUser("Somebody")
		c := r.telegram.Direct(u, r.bot)
		all.Go(func() {
			for k := range n {
				r.write(c, u, text(i, k))
				if err := r.telegram.WaitFor(r.ctx, func() bool { return len(r.telegram.PostsIn(c)) > k }); err != nil {
					r.t.Errorf("%s: %v", text(i, k), err)
					return
				}
			}
		})
	}
	all.Wait()
	if r.t.Failed() {
		r.t.FailNow()
	}
	return time.Since(began)
}

// A flood posts to one address over a few connections, without waiting for answers before the next request: it costs the machine little itself.
type flood struct {
	t       *testing.T
	quit    context.CancelFunc
	all     sync.WaitGroup
	refused atomic.Int64
	began   time.Time
}

const floodConnections = 10

func startFlood(t *testing.T, uri string, rate int) *flood {
	t.Helper()
	ctx, quit := context.WithCancel(t.Context())
	f := &flood{t: t, quit: quit, began: time.Now()}
	rest := strings.TrimPrefix(uri, "http://")
	host, path, _ := strings.Cut(rest, "/")
	for range floodConnections {
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		f.all.Go(func() { f.read(conn) })
		f.all.Go(func() { defer conn.Close(); f.write(ctx, conn, host, "/"+path, rate/floodConnections) })
	}
	return f
}

// write sends rate requests a second until ctx ends.
func (f *flood) write(ctx context.Context, conn net.Conn, host, path string, rate int) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for sent := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var b strings.Builder
		for due := int(time.Since(f.began).Seconds() * float64(rate)); sent < due; sent++ {
			body := fmt.Sprintf(`{"response":"evil %d","isFinal":false}`, rand.Int())
			fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, host, len(body), body)
		}
		if _, err := conn.Write([]byte(b.String())); err != nil {
			return
		}
	}
}

// read counts the answers until the connection ends.
func (f *flood) read(conn net.Conn) {
	for r := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return
		}
		if resp.Body.Close(); resp.StatusCode != http.StatusNotFound {
			f.t.Errorf("a bad token got %d", resp.StatusCode)
		}
		f.refused.Add(1)
	}
}

// stop ends the flood and returns how many were refused a second.
func (f *flood) stop() int {
	rate := float64(f.refused.Load()) / time.Since(f.began).Seconds()
	f.quit()
	f.all.Wait()
	return int(rate)
}
