package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/bridgetest"
)

// asProgram makes the test binary behave as the program itself, so that tests run it as a child process without building it again.
const asProgram = "AVATARBRIDGE_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A rig is the program as a child process between the Telegram and the Virtual Protocol simulators.
type rig struct {
	t        *testing.T
	telegram *bridgetest.Telegram
	bot      *bridgetest.Bot
	virtuals *avatartest.Virtuals
	webhook  *avatartest.Webhook
	dir      string
	public   string
	admin    string
	under    []string // a command and its arguments, under which start runs the program; nil: none

	mu    sync.Mutex
	child *exec.Cmd
	dead  chan struct{} // closed when child has ended
	log   bytes.Buffer
}

// A setup is what a test wants to have different.
type setup struct {
	avatar string // "luna" (Virtual Protocol) when empty, or "mine" (webhook)
	bridge string // more lines for the bridge
	limits string // in place of no limits
	luna   string // in place of allow_private = true
	store  string // more lines for [store]
}

// newRig starts the simulators and writes the configuration.
func newRig(t *testing.T, with setup) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), public: freeAddr(t), admin: freeAddr(t)}
	var err error
	if r.telegram, err = bridgetest.NewTelegram(bridgetest.TelegramOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.telegram.Close)
	if r.virtuals, err = avatartest.NewVirtuals(avatartest.VirtualsConfig{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.virtuals.Close)
	if r.webhook, err = avatartest.NewWebhook(avatartest.WebhookConfig{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.webhook.Close)
	r.bot = r.telegram.AddBot(bridgetest.BotOptions{ReadsAll: true})
	r.write(with)
	t.Cleanup(r.kill)
	return r
}

func (r *rig) write(with setup) {
	r.t.Helper()
	or := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	or(&with.avatar, "luna")
	or(&with.limits, "person = \"off\"\nroom = \"off\"\navatar = \"off\"")
	or(&with.luna, "allow_private = true")
	if !strings.Contains(with.bridge, "max_in_flight") {
		with.bridge = fmt.Sprintf("max_in_flight = %d\n", maxInFlight) + with.bridge
	}
	config := fmt.Sprintf(`
[server]
listen = %q
admin_listen = %q
public_url = "http://%s"
[store]
url = "sqlite:a.db"
%s
[limits]
%s
[messages]
ai_notice = ""
busy = "BUSY"
unavailable = "UNAVAILABLE"
[avatars.luna]
backend = "virtuals"
api_key = %q
api_secret = %q
virtual_id = "1"
speech = false
api_url = %q
%s
[avatars.mine]
backend = "webhook"
url = %q
secret = %q
[bridges.tg]
platform = "telegram"
token = %q
avatar = %q
api_url = %q
%s`, r.public, r.admin, r.public, with.store, with.limits, r.virtuals.APIKey(), r.virtuals.APISecret(), r.virtuals.URL(), with.luna,
		r.webhook.URL(), r.webhook.Secret(), r.bot.Token, with.avatar, r.telegram.URL(), with.bridge)
	if err := os.WriteFile(filepath.Join(r.dir, "config.toml"), []byte(config), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// freeAddr is an address that nobody listens at, below the ports that the system gives to connections.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", 10_000+rand.N(22_000)))
		if err == nil {
			l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// command is the program with arguments, in the rig's folder.
func (r *rig) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// start runs the program in the background.
func (r *rig) start() {
	r.t.Helper()
	cmd := r.command("run")
	if len(r.under) > 0 {
		args := slices.Concat(r.under[1:], cmd.Args)
		cmd.Path, cmd.Args = r.under[0], append(r.under[:1:1], args...)
	}
	out := &lockedWriter{mu: &r.mu, w: &r.log}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	dead := make(chan struct{})
	r.mu.Lock()
	r.child, r.dead = cmd, dead
	r.mu.Unlock()
	go func() { _ = cmd.Wait(); close(dead) }()
}

// kill ends the program with SIGKILL, if it runs, and returns when it is dead.
func (r *rig) kill() { r.signal(syscall.SIGKILL) }

func (r *rig) signal(s syscall.Signal) {
	r.mu.Lock()
	child, dead := r.child, r.dead
	r.mu.Unlock()
	if child == nil {
		return
	}
	select {
	case <-dead:
	default:
		_ = child.Process.Signal(s)
		<-dead
	}
}

func (r *rig) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// sending counts the posts that are marked as being sent in the database of a program that is dead: what may be repeated.
func (r *rig) sending() int {
	r.t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(r.dir, "a.db"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	var n int
	if err := db.QueryRow(sendingQuery).Scan(&n); err != nil {
		if strings.Contains(err.Error(), "no such table") {
			return 0 // killed before its first migration was done
		}
		r.t.Fatal(err)
	}
	if n > maxInFlight {
		r.t.Errorf("%d posts are marked as being sent, more than the %d that may be", n, maxInFlight)
	}
	return n
}

// maxInFlight is max_in_flight of all bridges: fewer than the people who write, so that it is seen to bind.
const maxInFlight = 32

// get reads a path of the admin side.
func (r *rig) get(path string) (int, string) {
	res, err := http.Get("http://" + r.admin + path)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}

// await waits for a condition that no simulator announces.
func (r *rig) await(what string, done func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited in vain for %s; log:\n%s", what, r.logged())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (r *rig) ready() {
	r.t.Helper()
	r.await("the program to be ready", func() bool { code, _ := r.get("/readyz"); return code == 200 })
}

// deadline is how long a test of the rig may take.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(p)
}
