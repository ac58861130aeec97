package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

// patience is how long what must happen may take.
const patience = 20 * time.Second

// canary is in every text that the tests write, and must be in no log.
const canary = "canary-7f3a"

// tokens are those of a bridge whose receiver is a test's.
var tokens = signer("0123456789abcdef0123456789abcdef")

// world is a bridge that runs, behind a real server. When it ends, the log is searched for texts and cookies, and no goroutine may be left.
type world struct {
	*testing.T
	b     *Bridge
	rx    *bridgetest.Receiver
	media *kept
	srv   *httptest.Server
	logs  *bridgetest.Log
	stop  func() error

	mu      sync.Mutex
	secrets []string
}

// settings are those of the tests: with a voice, and no limits that a test does not ask for.
func settings(changes ...func(*Config)) Config {
	c := Default()
	c.Name, c.Avatar, c.Notice, c.Voice, c.PerAddress = "site", "Luna", "You are talking to an AI character.", true, "off"
	for _, change := range changes {
		change(&c)
	}
	return c
}

// newWorld makes a bridge and runs it.
func newWorld(t *testing.T, changes ...func(*Config)) *world {
	t.Helper()
	w := stillWorld(t, changes...)
	w.run()
	return w
}

// stillWorld makes a bridge whose Run was not called yet.
func stillWorld(t *testing.T, changes ...func(*Config)) *world {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	w := &world{T: t, rx: &bridgetest.Receiver{}, media: &kept{}, logs: &bridgetest.Log{}}
	b, err := New(settings(changes...), w.media, w.logs.Logger())
	if err != nil {
		t.Fatal(err)
	}
	w.b = b
	w.srv = httptest.NewServer(b.Site())
	t.Cleanup(func() {
		w.srv.CloseClientConnections()
		w.srv.Close()
		w.search()
	})
	return w
}

// search looks for what must be in no log and no event.
func (w *world) search() {
	seen := w.logs.String() + fmt.Sprintf("%+v", w.rx.Offered())
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.secrets {
		if strings.Contains(seen, s) {
			w.Error("a visitor's token is in the log or in an event")
		}
	}
	if strings.Contains(w.logs.String(), canary) {
		w.Errorf("what somebody wrote is in the log:\n%s", w.logs)
	}
}

func (w *world) run() {
	w.Helper()
	w.stop = bridgetest.Begin(context.Background(), w.T, w.b, w.rx)
	if err := w.rx.WaitFor(w.waiting(), func() bool { return len(w.rx.Healths()) > 0 && w.b.session.Load() != nil }); err != nil {
		w.Fatal(err)
	}
}

// waiting is a context that ends when something takes too long.
func (w *world) waiting() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	w.Cleanup(cancel)
	return ctx
}

// browser is one visitor's browser, with cookies of its own.
type browser struct {
	w      *world
	client *http.Client
	header http.Header
}

func (w *world) browser() *browser {
	w.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	transport := &http.Transport{}
	w.Cleanup(transport.CloseIdleConnections)
	return &browser{w: w, client: &http.Client{Jar: jar, Transport: transport}, header: http.Header{}}
}

// visitor is a browser that has opened the page.
func (w *world) visitor() *browser {
	w.Helper()
	br := w.browser()
	br.open("/chat/site")
	return br
}

// id is who the browser is.
func (br *browser) id() visitor {
	u, err := url.Parse(br.w.srv.URL)
	if err != nil {
		br.w.Fatal(err)
	}
	for _, c := range br.client.Jar.Cookies(u) {
		if c.Name == cookieName+"site" {
			return visitorOf(c.Value)
		}
	}
	br.w.Fatal("the browser has no cookie")
	return ""
}

func (br *browser) do(method, path string, body io.Reader, header ...string) *http.Response {
	br.w.Helper()
	req, err := http.NewRequestWithContext(br.w.waiting(), method, br.w.srv.URL+path, body)
	if err != nil {
		br.w.Fatal(err)
	}
	for k, v := range br.header {
		req.Header[k] = v
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	resp, err := br.client.Do(req)
	if err != nil {
		br.w.Fatal(err)
	}
	br.w.mu.Lock()
	for _, c := range resp.Cookies() {
		br.w.secrets = append(br.w.secrets, c.Value)
	}
	br.w.mu.Unlock()
	br.w.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// open loads a page and returns the answer with its body read.
func (br *browser) open(path string, header ...string) (*http.Response, string) {
	br.w.Helper()
	resp := br.do(http.MethodGet, path, nil, header...)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		br.w.Fatal(err)
	}
	return resp, string(body)
}

// answered is what a POST was answered with.
type answered struct {
	status int
	code   string
	words  string
	header http.Header
}

func (br *browser) post(path, body string, header ...string) answered {
	br.w.Helper()
	if len(header) == 0 {
		header = []string{"Content-Type", "application/json"}
	}
	return read(br.w, br.do(http.MethodPost, "/chat/site/"+path, strings.NewReader(body), header...))
}

func read(w *world, resp *http.Response) answered {
	w.Helper()
	var said struct{ Error, Code string }
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	if resp.Header.Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(body, &said); err != nil {
			w.Fatalf("%d %q: %v", resp.StatusCode, body, err)
		}
	}
	return answered{resp.StatusCode, said.Code, said.Error, resp.Header}
}

// says writes a message and expects it to be stored.
func (br *browser) says(id, text string) {
	br.w.Helper()
	body, err := json.Marshal(words{ID: id, Text: text})
	if err != nil {
		br.w.Fatal(err)
	}
	if got := br.post("messages", string(body)); got.status != http.StatusAccepted {
		br.w.Fatalf("%q was answered with %+v", id, got)
	}
}

// got is one event of a stream.
type got struct {
	name, id, data string
}

// tap is an open stream.
type tap struct {
	w      *world
	events chan got // closed when the stream has ended
	close  func()
}

// listen opens a stream and expects hello.
func (br *browser) listen(path string, header ...string) *tap {
	br.w.Helper()
	resp := br.do(http.MethodGet, path, nil, header...)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		br.w.Fatalf("%s was answered with %+v", path, read(br.w, resp))
	}
	t := &tap{w: br.w, events: make(chan got, 10_000), close: func() { _ = resp.Body.Close() }}
	var reading sync.WaitGroup
	reading.Go(func() { t.read(resp.Body) })
	br.w.Cleanup(func() { t.close(); reading.Wait() })
	t.want("hello")
	return t
}

func (t *tap) read(from io.Reader) {
	defer close(t.events)
	var e got
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		switch name, value, _ := strings.Cut(lines.Text(), ": "); name {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			e.data = value
		case ":":
			t.events <- got{name: "beat"}
		case "":
			if e.name != "" {
				t.events <- e
			}
			e = got{}
		}
	}
}

// next returns the next event, of which signs of life are none unless they are asked for.
func (t *tap) next() (got, bool) {
	t.w.Helper()
	for {
		select {
		case e, ok := <-t.events:
			if e.name != "beat" {
				return e, ok
			}
		case <-time.After(patience):
			t.w.Fatal("no event comes")
		}
	}
}

// want expects the next event to be of a name and returns it.
func (t *tap) want(name string) got {
	t.w.Helper()
	e, ok := t.next()
	if !ok || e.name != name {
		t.w.Fatalf("got %+v (stream open: %v), want %s", e, ok, name)
	}
	return e
}

// item expects an item and returns it.
func (t *tap) item() (got shown) {
	t.w.Helper()
	e := t.want("item")
	if err := json.Unmarshal([]byte(e.data), &got); err != nil || e.id != fmt.Sprint(got.ID) {
		t.w.Fatalf("%+v: %v", e, err)
	}
	return got
}

// ended expects the stream to end, whatever still comes.
func (t *tap) ended() {
	t.w.Helper()
	for {
		if _, ok := t.next(); !ok {
			return
		}
	}
}

// reply is an item as the relay makes it of what b.Fit and b.Send made.
func (w *world) reply(id int64, text string) bridges.Item {
	w.Helper()
	pieces := w.b.Fit(bridges.Message{Text: text})
	if len(pieces) != 1 {
		w.Fatalf("%q became %d pieces", text, len(pieces))
	}
	post, err := w.b.Send(w.waiting(), pieces[0])
	if err != nil {
		w.Fatal(err)
	}
	return bridges.Item{ID: id, At: time.UnixMilli(1000 + id), Post: post, Form: pieces[0].Forms[0]}
}

// kept is a bridges.Media in memory.
type kept struct {
	mu    sync.Mutex
	files map[string][]byte // by ref
	err   error
}

func (k *kept) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *kept) Fetch(context.Context, bridges.Audio, string) (*bridges.File, error) {
	return nil, fault.Reject("not in this test", nil)
}

func (k *kept) Serve(_ context.Context, a bridges.Audio) (string, string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return "/media/" + url.PathEscape(a.Source), "audio/mpeg", k.err
}

func (k *kept) Keep(_ context.Context, r bridges.Recording) (string, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return "", false, k.err
	}
	ref := fmt.Sprintf("kept:%s/%s/%s/%s", r.From.Platform, r.From.Tenant, r.From.User, r.ID)
	_, known := k.files[ref]
	if k.files == nil {
		k.files = map[string][]byte{}
	}
	if !known {
		k.files[ref] = r.Data
	}
	return ref, !known, nil
}

func (k *kept) Discard(_ context.Context, ref string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.files, ref)
	return nil
}

// count is how many recordings are kept.
func (k *kept) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.files)
}

func (k *kept) Load(_ context.Context, ref string) (*bridges.File, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	data, ok := k.files[ref]
	if !ok {
		return nil, fault.Reject("it is gone", nil)
	}
	return &bridges.File{Name: "voice.ogg", Type: "audio/ogg", Data: data}, nil
}
