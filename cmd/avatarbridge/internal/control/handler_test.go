package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/relay"
	"avatarbridge/store"
)

const token = "0123456789abcdef0123456789abcdef"

// fake notes the calls and answers what it holds.
type fake struct {
	calls    []string
	err      error
	status   Status
	paused   []string
	letters  []Letter
	people   []store.Person
	document string // what Export writes before it returns err
}

func (f *fake) call(format string, args ...any) error {
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	return f.err
}

func (f *fake) Status(context.Context) (Status, error) { return f.status, f.call("status") }
func (f *fake) Pause(_ context.Context, target string) error {
	return f.call("pause %q", target)
}
func (f *fake) Resume(_ context.Context, target string) error {
	return f.call("resume %q", target)
}
func (f *fake) Paused(context.Context) ([]string, error) { return f.paused, f.call("paused") }
func (f *fake) DeadList(_ context.Context, before int64, n int) ([]Letter, error) {
	return f.letters, f.call("dead %d %d", before, n)
}
func (f *fake) DeadRetry(_ context.Context, ids ...int64) (int, error) {
	return 7, f.call("retry %v", ids)
}
func (f *fake) DeadDrop(_ context.Context, ids ...int64) (int, error) {
	return 8, f.call("drop %v", ids)
}
func (f *fake) People(_ context.Context, skip, n int) ([]store.Person, error) {
	return f.people, f.call("people %d %d", skip, n)
}
func (f *fake) Person(_ context.Context, ref string) (store.Person, error) {
	if len(f.people) == 0 {
		return store.Person{}, f.call("person %q", ref)
	}
	return f.people[0], f.call("person %q", ref)
}
func (f *fake) Export(_ context.Context, ref string, w io.Writer) error {
	io.WriteString(w, f.document)
	return f.call("export %q", ref)
}
func (f *fake) Forget(_ context.Context, ref string) (int, error) {
	return 9, f.call("forget %q", ref)
}
func (f *fake) Backup(_ context.Context, file string) error { return f.call("backup %q", file) }

// reached is a client of a server that offers f.
func reached(t *testing.T, f *fake) Control {
	t.Helper()
	srv := httptest.NewServer(Handler(f, token))
	t.Cleanup(srv.Close)
	return Dial(srv.Listener.Addr().String(), token)
}

func TestEveryCallReachesTheRunningProgram(t *testing.T) {
	at := time.Date(2026, 11, 1, 12, 0, 0, 5, time.UTC)
	f := &fake{
		status: Status{
			Relay: relay.Status{Running: true, Paused: []string{""}, Bridges: []relay.BridgeStatus{{Name: "tg", Connected: true, LastEvent: at}}},
			Depth: store.Depth{Turns: map[string]int{"telegram:1": 2}, Posts: map[string]int{}, Dead: 3, Oldest: at},
		},
		paused:   []string{"", "tg/-100 5"},
		letters:  []Letter{{ID: 5, Post: true, Unclear: true, Account: "telegram:1", Channel: "2", Avatar: "luna", Reason: "blocked", At: at, Attempts: 6}},
		people:   []store.Person{{UID: "u-1", Name: "Ann", Identities: []store.Identity{{Platform: "slack", Tenant: "T1", User: "U1"}}, LastSeen: at}},
		document: `{"person":"ä"}`,
	}
	c, ctx := reached(t, f), t.Context()
	var out bytes.Buffer
	answers := []any{}
	note := func(v any, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		answers = append(answers, v)
	}
	status, err := c.Status(ctx)
	note(status, err)
	note(nil, c.Pause(ctx, "tg/-100 5&x=ü"))
	note(nil, c.Resume(ctx, ""))
	paused, err := c.Paused(ctx)
	note(paused, err)
	letters, err := c.DeadList(ctx, 40, 20)
	note(letters, err)
	n, err := c.DeadRetry(ctx, 1, 2)
	note(n, err)
	n, err = c.DeadDrop(ctx)
	note(n, err)
	people, err := c.People(ctx, 100, 50)
	note(people, err)
	person, err := c.Person(ctx, "slack:T1:U&1")
	note(person, err)
	note(nil, c.Export(ctx, "u-1", &out))
	n, err = c.Forget(ctx, "u-1")
	note(n, err)
	note(nil, c.Backup(ctx, "/tmp/a b.db"))

	want := []any{f.status, nil, nil, f.paused, f.letters, 7, 8, f.people, f.people[0], nil, 9, nil}
	for i := range want {
		if !reflect.DeepEqual(answers[i], want[i]) {
			t.Errorf("answer %d: %+v, want %+v", i, answers[i], want[i])
		}
	}
	if out.String() != f.document {
		t.Errorf("export %q", &out)
	}
	calls := []string{"status", `pause "tg/-100 5&x=ü"`, `resume ""`, "paused", "dead 40 20", "retry [1 2]", "drop []", "people 100 50",
		`person "slack:T1:U&1"`, `export "u-1"`, `forget "u-1"`, `backup "/tmp/a b.db"`}
	if !reflect.DeepEqual(f.calls, calls) {
		t.Errorf("calls %q", f.calls)
	}
}

func TestErrorsAreTheSameOnTheOtherSide(t *testing.T) {
	for _, known := range []error{store.ErrNotFound, store.ErrLocked} {
		c := reached(t, &fake{err: fmt.Errorf("find the person %q: %w", "x", known)})
		_, err := c.Person(t.Context(), "x")
		if !errors.Is(err, known) || !strings.Contains(err.Error(), `find the person "x"`) {
			t.Errorf("error %v, want %v", err, known)
		}
	}
	err := reached(t, &fake{err: errors.New("the disk is full")}).Backup(t.Context(), "/b")
	if err == nil || err.Error() != "the disk is full" {
		t.Errorf("error %v", err)
	}
}

func TestAnExportThatFailsIsNotTakenForAWholeOne(t *testing.T) {
	for name, f := range map[string]*fake{
		"at once":       {err: store.ErrNotFound},
		"in the middle": {err: errors.New("the disk broke"), document: strings.Repeat(`{"half":`, 5000)},
	} {
		srv := httptest.NewUnstartedServer(Handler(f, token))
		srv.Start()
		defer srv.Close()
		if err := Dial(srv.Listener.Addr().String(), token).Export(t.Context(), "x", io.Discard); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAWrongTokenReachesNothing(t *testing.T) {
	f := &fake{}
	for _, server := range []string{token, ""} {
		srv := httptest.NewServer(Handler(f, server))
		defer srv.Close()
		for _, client := range []string{"", "wrong", token[:31], token + "0"} {
			err := Dial(srv.Listener.Addr().String(), client).Pause(t.Context(), "")
			if !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), token) {
				t.Errorf("token %q for %q: %v", client, server, err)
			}
		}
	}
	if len(f.calls) > 0 {
		t.Errorf("calls %q", f.calls)
	}
}

func TestNobodyListensMeansNotRunning(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if _, err := Dial(ln.Addr().String(), token).Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("error %v", err)
	}
}

func TestAnotherProgramAtTheAddressIsNamedAsSuch(t *testing.T) {
	for name, h := range map[string]http.Handler{
		"a page":     http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }),
		"not found":  http.NotFoundHandler(),
		"a redirect": http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound),
		"other JSON": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"message":"no"}`)
		}),
	} {
		srv := httptest.NewServer(h)
		defer srv.Close()
		_, err := Dial(srv.Listener.Addr().String(), token).Status(t.Context())
		if err == nil || errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "is not this program") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnAddressToListenAtCanBeConnectedTo(t *testing.T) {
	for addr, want := range map[string]string{
		":8081": "127.0.0.1:8081", "0.0.0.0:8081": "127.0.0.1:8081", "[::]:8081": "[::1]:8081", "127.0.0.1:8081": "127.0.0.1:8081", "admin.lan:1": "admin.lan:1",
	} {
		if got := Reachable(addr); got != want {
			t.Errorf("Reachable(%q) = %q, want %q", addr, got, want)
		}
	}
}

// raw sends a request of one's own making.
func raw(t *testing.T, f *fake, method, path, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler(f, token).ServeHTTP(w, r)
	return w
}

func TestRequestsThatMakeNoSenseChangeNothing(t *testing.T) {
	f := &fake{}
	for _, test := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/admin/dead/drop", `{}`, 400}, // everything has to be asked for
		{"POST", "/admin/dead/drop", `{"ids":[]}`, 400},
		{"POST", "/admin/dead/drop", `{"id":[1]}`, 400},
		{"POST", "/admin/dead/drop", `{"ids":["1"]}`, 400},
		{"POST", "/admin/pause", ``, 400},
		{"POST", "/admin/pause", `{"target":"` + strings.Repeat("a", maxBody) + `"}`, 400},
		{"GET", "/admin/pause", ``, 405},
		{"GET", "/admin/unknown", ``, 404},
		{"DELETE", "/admin/person", ``, 405},
	} {
		if w := raw(t, f, test.method, test.path, test.body); w.Code != test.status {
			t.Errorf("%s %s %.40s: status %d, want %d", test.method, test.path, test.body, w.Code, test.status)
		}
	}
	if len(f.calls) > 0 {
		t.Errorf("calls %q", f.calls)
	}
}

func TestAnotherSitesPageCannotUseABrowser(t *testing.T) {
	f := &fake{}
	w := raw(t, f, "POST", "/admin/pause", `{"target":""}`, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example.com")
	if w.Code != http.StatusForbidden || len(f.calls) > 0 {
		t.Errorf("status %d, calls %q", w.Code, f.calls)
	}
}

func TestListsAreBounded(t *testing.T) {
	f := &fake{}
	raw(t, f, "GET", "/admin/people?n=1000000&skip=-5", "")
	raw(t, f, "GET", "/admin/dead", "")
	if want := []string{"people 0 1000", "dead 0 1000"}; !reflect.DeepEqual(f.calls, want) {
		t.Errorf("calls %q, want %q", f.calls, want)
	}
}
