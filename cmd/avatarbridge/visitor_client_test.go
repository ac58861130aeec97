package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A crowd is visitors of chat pages who talk to the server as the page does: they connect again from the last item that they have, and
// repeat a message under its id until it is accepted.
type crowd struct {
	client  *http.Client
	pause   time.Duration // before the second attempt; it doubles, as the page's does
	replies chan struct{} // one value for each message that has its first reply
}

// newCrowd makes a crowd whose visitors write at most so many messages in all.
func newCrowd(t *testing.T, messages int, pause time.Duration) *crowd {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &crowd{client: &http.Client{Transport: transport}, pause: pause, replies: make(chan struct{}, messages)}
}

// A visitor is one browser with one page open.
type visitor struct {
	of     *crowd
	base   string // of the chat: "http://HOST/chat/NAME"
	number int    // it writes text(number, 0), text(number, 1) …
	cookie string

	mu       sync.Mutex
	last     int64 // id of the last item
	items    []item
	messages []message
	troubles []string
	streams  int  // how often it was connected
	open     bool // it is connected now
}

// A message is what became of a text that a visitor wrote.
type message struct {
	wrote    time.Time
	stream   int           // on which its reply is awaited; 0: it was written while there was none
	took     time.Duration // until its reply was there; 0: none yet
	calm     bool          // the connection was there all the time, and the first attempt was accepted
	repeated bool
}

// An item is what the page shows.
type item struct {
	ID   int64
	Kind string
	Key  string
	Text string
	HTML string
}

// enter loads the page for the cookie.
func (c *crowd) enter(ctx context.Context, base string, number int) (*visitor, error) {
	v := &visitor{of: c, base: base, number: number}
	res, err := v.do(ctx, http.MethodGet, base, nil, 0)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	all := res.Cookies()
	if res.StatusCode != http.StatusOK || len(all) != 1 {
		return nil, fmt.Errorf("the page has status %d and the cookies %v", res.StatusCode, all)
	}
	v.cookie = all[0].Name + "=" + all[0].Value
	return v, nil
}

func (v *visitor) do(ctx context.Context, method, url string, body []byte, last int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Cookie", v.cookie)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if last > 0 {
		req.Header.Set("Last-Event-ID", strconv.FormatInt(last, 10))
	}
	return v.of.client.Do(req)
}

// rest waits before another attempt as the page does; false when ctx ended.
func (v *visitor) rest(ctx context.Context, tries int, res *http.Response) bool {
	wait := time.Duration(float64(min(30*time.Second, v.of.pause<<min(tries, 12))) * (0.5 + rand.Float64()))
	if res != nil {
		after, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		wait = max(wait, time.Duration(after)*time.Second)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// listen keeps the stream until ctx ends. It calls ready once, when the backlog of the first connection is there.
func (v *visitor) listen(ctx context.Context, ready func()) {
	once := sync.OnceFunc(ready)
	for tries := 0; ; tries++ {
		res, err := v.do(ctx, http.MethodGet, v.base+"/events", nil, v.last)
		if err == nil && res.StatusCode == http.StatusOK {
			tries = 0
			v.connected(true)
			v.read(res.Body, v.show, func() bool { once(); return true })
			v.connected(false)
		}
		if err == nil {
			res.Body.Close()
		}
		if !v.rest(ctx, tries, res) {
			return
		}
	}
}

func (v *visitor) connected(open bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open = open; open {
		v.streams++
	}
}

// read reads a stream until it ends or ready returns false. An event without its empty line at the end never came, as browsers see it.
func (v *visitor) read(r io.Reader, take func(item), ready func() bool) {
	lines := bufio.NewReader(r)
	var event, id, data string
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "event":
			event = value
		case "id":
			id = value
		case "data":
			data = value
		case "":
			if event == "ready" && !ready() {
				return
			}
			if event == "item" {
				var it item
				if err := json.Unmarshal([]byte(data), &it); err != nil || strconv.FormatInt(it.ID, 10) != id {
					v.trouble("item %s is %s: %v", id, data, err)
				}
				take(it)
			}
			event, id, data = "", "", ""
		}
	}
}

func (v *visitor) trouble(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.troubles = append(v.troubles, fmt.Sprintf(format, args...))
}

// show adds an item to the page.
func (v *visitor) show(it item) {
	if it.ID <= v.last {
		v.trouble("item %d came after %d", it.ID, v.last)
	}
	v.last = max(v.last, it.ID)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.items = append(v.items, it)
	n := v.which(it)
	if it.Kind != "reply" || n < 0 || n >= len(v.messages) || v.messages[n].took > 0 {
		return // check finds what is wrong with it
	}
	m := &v.messages[n]
	m.took, m.calm = time.Since(m.wrote), !m.repeated && m.stream == v.streams
	v.of.replies <- struct{}{}
}

var written = regexp.MustCompile(`m(\d+)\.(\d+)\.`)

// which is the number of the message that an item holds or answers, -1 for another's or none.
func (v *visitor) which(it item) int {
	m := written.FindStringSubmatch(it.Text + it.HTML)
	if m == nil || m[1] != strconv.Itoa(v.number) {
		return -1
	}
	n, _ := strconv.Atoi(m[2])
	return n
}

// key is the id of a message.
func (v *visitor) key(n int) string { return fmt.Sprintf("key-%d-%d", v.number, n) }

// say sends the next message until it is accepted; false when ctx ended or the server does not want it.
func (v *visitor) say(ctx context.Context) bool {
	v.mu.Lock()
	n := len(v.messages)
	m := message{wrote: time.Now()}
	if v.open {
		m.stream = v.streams
	}
	v.messages = append(v.messages, m)
	v.mu.Unlock()
	body := fmt.Appendf(nil, `{"id":%q,"text":%q}`, v.key(n), text(v.number, n))
	for tries := 0; ; tries++ {
		res, err := v.post(ctx, body)
		if err == nil && res.StatusCode == http.StatusAccepted {
			return true
		}
		if err == nil && res.StatusCode != http.StatusTooManyRequests && res.StatusCode < 500 {
			v.trouble("message %d was answered with %s", n, res.Status)
			return false
		}
		v.mu.Lock()
		v.messages[n].repeated = true
		v.mu.Unlock()
		if !v.rest(ctx, tries, res) {
			return false
		}
	}
}

// post makes one attempt. The response's body is read and closed, so that the connection serves the next visitor.
func (v *visitor) post(ctx context.Context, body []byte) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	res, err := v.do(ctx, http.MethodPost, v.base+"/messages", body, 0)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res, nil
}

// check returns what is wrong with items in which so many messages and their replies should be, each once and in order.
func (v *visitor) check(where string, items []item, messages int) (wrong []string) {
	mine, replies := 0, 0
	for i, it := range items {
		n := v.which(it)
		switch {
		case i > 0 && it.ID <= items[i-1].ID:
			wrong = append(wrong, fmt.Sprintf("%s: item %d comes after %d", where, it.ID, items[i-1].ID))
		case it.Kind == "mine" && n == mine && it.Key == v.key(n):
			mine++
		case it.Kind == "reply" && n == replies && n < mine:
			replies++
		default:
			wrong = append(wrong, fmt.Sprintf("%s: after %d messages and %d replies comes %+v", where, mine, replies, it))
		}
	}
	if mine != messages || replies != messages {
		wrong = append(wrong, fmt.Sprintf("%s: %d messages and %d replies, want %d of each", where, mine, replies, messages))
	}
	return wrong
}

// again returns what the page shows when it is loaded anew.
func (v *visitor) again(ctx context.Context) ([]item, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := v.do(ctx, http.MethodGet, v.base+"/events", nil, 0)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var items []item
	complete := false
	v.read(res.Body, func(it item) { items = append(items, it) }, func() bool { complete = true; return false })
	if !complete {
		return nil, fmt.Errorf("the stream ended before its backlog was there: %s", res.Status)
	}
	return items, nil
}
