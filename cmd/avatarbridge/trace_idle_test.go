package main

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"avatarbridge/bridges/bridgetest"
)

// TestAMessageAloneTakesThreeDurableStepsAndAQuietProgramNone counts in the system calls: what came is stored, then the reply, then that it was
// sent. While nothing comes, the database is neither written nor read, nor locked for that.
func TestAMessageAloneTakesThreeDurableStepsAndAQuietProgramNone(t *testing.T) {
	const messages, quietPolls = 5, 3
	r := newRig(t, setup{})
	polls := r.shortPolls()
	user := r.telegram.AddUser("Ann")
	chat := r.telegram.Direct(user, r.bot)
	stop := r.trace("read,write,pread64,pwrite64,fdatasync,fsync,fcntl,epoll_pwait")
	r.ready()
	for n := range messages + 1 { // the first one makes somebody known
		w := r.telegram.Write(bridgetest.Line{Chat: chat, From: user, Text: text(0, n)})
		if err := r.telegram.WaitFor(deadline(t), func() bool {
			return r.telegram.PostCount() > n && !slices.Contains(r.bot.Pending(), w.Update(r.bot))
		}); err != nil {
			t.Fatalf("%v; log:\n%s", err, r.logged())
		}
		r.await("the reply to be settled", r.quiet)
	}
	// The poll after the next one begins when nobody asks for anything any more.
	from := int(polls.Load()) + 2
	r.await("polls that bring nothing", func() bool { return int(polls.Load()) >= from+quietPolls })
	tr := stop()
	tr.threeSteps(t, messages)
	tr.nothing(t, from, from+quietPolls)
}

// shortPolls puts a proxy before Telegram that lets long polls end after a second, and returns how many there were.
func (r *rig) shortPolls() (polls *atomic.Int64) {
	r.t.Helper()
	to, err := url.Parse(r.telegram.URL())
	if err != nil {
		r.t.Fatal(err)
	}
	polls = &atomic.Int64{}
	proxy := httptest.NewServer(&httputil.ReverseProxy{ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(to)
		if !strings.HasSuffix(p.In.URL.Path, "/getUpdates") {
			return
		}
		polls.Add(1)
		form, err := io.ReadAll(p.In.Body)
		if err != nil {
			return // the program was killed meanwhile
		}
		form = bytes.Replace(form, []byte("timeout=50"), []byte("timeout=1"), 1)
		p.Out.Body, p.Out.ContentLength = io.NopCloser(bytes.NewReader(form)), int64(len(form))
		p.Out.Header.Set("Content-Length", strconv.Itoa(len(form)))
	}})
	r.t.Cleanup(proxy.Close)
	r.t.Cleanup(r.kill) // before the proxy ends
	path := filepath.Join(r.dir, "config.toml")
	config, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	writeFile(r.t, r.dir, "config.toml", strings.Replace(string(config), r.telegram.URL(), proxy.URL, 1))
	return polls
}

// wakesPerPoll bounds how often a program wakes that has nothing to do but one poll, which lasts a second: it takes four or so, and whoever looked for
// something ten times a second would take twenty more.
const wakesPerPoll = 18

// threeSteps checks the syncs of the database's files between the arrivals of the messages 1 to last, and after that.
func (tr *tracing) threeSteps(t *testing.T, last int) {
	t.Helper()
	var arrivals []int // lines
	for n := 1; n <= last; n++ {
		var arrived *call
		for _, in := range tr.in {
			for _, c := range in.carries(text(0, n)) {
				arrived = first(arrived, c)
			}
		}
		if arrived == nil {
			t.Fatalf("the message %d never came", n)
		}
		arrivals = append(arrivals, arrived.ended)
	}
	arrivals = append(arrivals, tr.lastLine+1)
	for i := range last {
		syncs := map[string]int{}
		for _, c := range tr.calls {
			if c.syncs() && c.began > arrivals[i] && c.began < arrivals[i+1] {
				syncs[filepath.Base(c.file)]++
			}
		}
		if len(syncs) != 1 || syncs[walName[1:]] != 3 {
			t.Errorf("message %d took these syncs: %v, want 3 of the database's log", i+1, syncs)
		}
	}
}

// nothing checks that between the beginnings of two polls nothing was done with the database, and next to nothing at all.
func (tr *tracing) nothing(t *testing.T, from, to int) {
	t.Helper()
	var polls []int // lines
	for _, c := range tr.calls {
		if c.writes() && pollForm.Match(c.data) {
			polls = append(polls, c.began)
		}
	}
	if len(polls) < to {
		t.Fatalf("%d polls are in the trace, want %d", len(polls), to)
	}
	begin, end := polls[from-1], polls[to-1]
	woken, locked := 0, 0
	for _, c := range tr.calls {
		within, database := c.ended > begin && c.began < end, strings.Contains(c.file, "/a.db")
		switch {
		case within && database:
			t.Errorf("line %d, while nothing came: %s of %s", c.began, c.name, c.file)
		case within && c.name == "epoll_pwait":
			woken++
		case database && c.name == "fcntl":
			locked++
		}
	}
	if woken > wakesPerPoll*(to-from) {
		t.Errorf("the program was woken %d times in %d polls", woken, to-from)
	}
	if locked == 0 {
		t.Error("the database was never locked: a transaction would not be seen")
	}
}
