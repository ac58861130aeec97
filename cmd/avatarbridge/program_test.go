package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/cmd/avatarbridge/internal/server"
)

// eventually waits for something that can be seen from outside only.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func writeFile(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ended is how a command ended.
type ended struct {
	code     int
	out, err string
}

// runProgram runs one command with the configuration of a folder. What does not end by itself is stopped after a while.
func runProgram(t *testing.T, dir, in string, args ...string) ended {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{in: strings.NewReader(in), out: &out, err: &errs, env: func(string) (string, bool) { return "", false }}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	code := p.main(ctx, append([]string{"--config", filepath.Join(dir, "config.toml")}, args...))
	return ended{code, out.String(), errs.String()}
}

// A running program is one that was started in this process.
type runningProgram struct {
	admin string
	code  chan int
	stop  context.CancelFunc
	out   *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// demo writes a configuration with the echo avatar and returns its folder and the operator's address.
func demo(t *testing.T) (dir, admin string) {
	t.Helper()
	dir, admin = t.TempDir(), freeAddr(t)
	writeFile(t, dir, "config.toml", "[server]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \""+admin+"\"\n[avatars.demo]\nbackend = \"echo\"\n")
	return dir, admin
}

// start runs the program on a folder until the test ends, and returns when it is up.
func start(t *testing.T, dir, admin string) *runningProgram {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &runningProgram{admin: admin, code: make(chan int, 1), stop: stop, out: &syncBuffer{}}
	p := &program{in: strings.NewReader(""), out: r.out, err: r.out, env: os.LookupEnv}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.code <- p.main(ctx, []string{"--config", filepath.Join(dir, "config.toml")})
	}()
	t.Cleanup(func() { stop(); <-done })
	eventually(t, "the program to be ready", func() bool {
		resp, err := http.Get("http://" + admin + "/readyz")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	return r
}

func TestProgramStartsWithoutAnyAccountAndStopsWithZero(t *testing.T) {
	dir, admin := demo(t)
	r := start(t, dir, admin)
	eventually(t, "the welcome", func() bool { return strings.Contains(r.out.String(), "avatarbridge is up: page http://127.0.0.1:") })
	r.stop()
	if code := <-r.code; code != ok {
		t.Errorf("exit code %d: %s", code, r.out)
	}
}

func TestSIGTERMEndsTheProcessWithZeroWithinTenSeconds(t *testing.T) {
	dir, admin := demo(t)
	child := exec.Command(os.Args[0])
	child.Dir = dir
	child.Env = append(os.Environ(), asProgram+"=1")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = child.Process.Kill() }) // an error means that it has ended
	eventually(t, "the program to listen", func() bool {
		resp, err := http.Get("http://" + admin + "/livez")
		return err == nil && resp.Body.Close() == nil
	})
	began := time.Now()
	if err := child.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("it ended with %v after %v", err, time.Since(began))
	}
}

func TestCommandsWorkTheSameBesideTheRunningProgramAndWithoutIt(t *testing.T) {
	dir, admin := demo(t)
	if got := runProgram(t, dir, "", "dead", "list"); got.code != failed || !strings.Contains(got.err, "there is no database") {
		t.Errorf("before the first start: %+v", got)
	}
	r := start(t, dir, admin)
	commands := func(t *testing.T, backup, when string) {
		for _, c := range []struct{ args, want string }{
			{"pause", "Paused everything" + when + "."},
			{"resume", "Resumed everything."},
			{"dead list", "There are none."},
			{"dead retry", "Put back 0 dead letters."},
			{"dead drop --all", "Dropped 0 dead letters."},
			{"people list", "Nobody has written."},
			{"backup " + filepath.Join(dir, backup), "Wrote " + filepath.Join(dir, backup)},
		} {
			if got := runProgram(t, dir, "", strings.Fields(c.args)...); got.code != ok || !strings.Contains(got.out, c.want) {
				t.Errorf("%s: %+v, want %q", c.args, got, c.want)
			}
		}
		for _, wrong := range []struct{ args, want string }{
			{"people show telegram:1", `nobody is known as "telegram:1"`},
			{"people export telegram:1 -o " + filepath.Join(dir, "x.json"), `nobody is known as "telegram:1"`},
			{"pause nobody", `there is no bridge "nobody"`},
			{"backup " + filepath.Join(dir, backup), filepath.Join(dir, backup) + " exists already: name another file"},
			{"dead retry 99", "no dead letter has the id 99"},
			{"dead drop 7 8", "no dead letter has the id 7 or 8"},
		} {
			if got := runProgram(t, dir, "", strings.Fields(wrong.args)...); got.code != failed || !strings.Contains(got.err, wrong.want) {
				t.Errorf("%s: %+v, want %q", wrong.args, got, wrong.want)
			}
		}
	}
	t.Run("beside", func(t *testing.T) { commands(t, "one.db", "") })
	if got := runProgram(t, dir, "", "restore", filepath.Join(dir, "one.db")); got.code != failed || !strings.Contains(got.err, "stop it first") {
		t.Errorf("restore beside the running program: %+v", got)
	}
	r.stop()
	if code := <-r.code; code != ok {
		t.Fatalf("exit code %d: %s", code, r.out)
	}
	t.Run("without", func(t *testing.T) { commands(t, "two.db", " from the next start on") })
	if got := runProgram(t, dir, "", "restore", filepath.Join(dir, "one.db")); got.code != ok || !strings.Contains(got.out, "Restored") {
		t.Errorf("restore: %+v", got)
	}
}

func TestWhatSomebodySaidInTheChatCanBeExportedAndForgotten(t *testing.T) {
	dir, _ := demo(t)
	if got := runProgram(t, dir, "marmalade\n", "chat"); got.code != ok || !strings.Contains(got.out, "marmalade") {
		t.Fatalf("chat: %+v", got)
	}
	list := runProgram(t, dir, "", "people", "list")
	_, table, _ := strings.Cut(list.out, "\n")
	uid, _, _ := strings.Cut(table, " ")
	if list.code != ok || len(uid) != 36 {
		t.Fatalf("people list: %+v", list)
	}
	export := runProgram(t, dir, "", "people", "export", uid)
	if !json.Valid([]byte(export.out)) || !strings.Contains(export.out, uid) {
		t.Errorf("people export: %+v", export)
	}
	if got := runProgram(t, dir, "", "people", "forget", uid); got.code != ok {
		t.Errorf("people forget: %+v", got)
	}
	if got := runProgram(t, dir, "", "people", "list"); !strings.Contains(got.out, "Nobody has written.") {
		t.Errorf("after it: %+v", got)
	}
}

func TestChatBesideTheRunningProgramLeavesItsDatabaseAlone(t *testing.T) {
	dir, admin := demo(t)
	start(t, dir, admin)
	got := runProgram(t, dir, "hello\n", "chat", "demo")
	if got.code != ok || !strings.Contains(got.out, "hello") || !strings.Contains(got.err, "has one of its own") {
		t.Errorf("chat: %+v", got)
	}
	if got := runProgram(t, dir, "", "people", "list"); !strings.Contains(got.out, "Nobody has written.") {
		t.Errorf("people: %+v", got)
	}
}

func TestSecondProgramOnTheDatabaseIsToldSo(t *testing.T) {
	dir, admin := demo(t)
	start(t, dir, admin)
	other := "[server]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"" + freeAddr(t) + "\"\n[avatars.demo]\nbackend = \"echo\"\n"
	writeFile(t, dir, "config.toml", other)
	if got := runProgram(t, dir, "", "run"); got.code != failed || !strings.Contains(got.err, "another process uses the database") {
		t.Errorf("%+v", got)
	}
	if got := runProgram(t, dir, "", "dead", "list"); got.code != failed || !strings.Contains(got.err, "is that the address it was started with?") {
		t.Errorf("%+v", got)
	}
}

func TestWrongUseEndsWithTwoAndSaysWhatIsRight(t *testing.T) {
	dir, _ := demo(t)
	for _, c := range []struct{ args, want string }{
		{"frob", `"frob" is not expected here`},
		{"dead drop", "name the ids to drop, or say --all"},
		{"chat nobody", `there is no avatar "nobody": the configuration has demo`},
		{"run --nonsense", "there is no flag --nonsense"},
	} {
		if got := runProgram(t, dir, "", strings.Fields(c.args)...); got.code != misuse || !strings.Contains(got.err, c.want) {
			t.Errorf("%s: %+v, want %q", c.args, got, c.want)
		}
	}
	if got := runProgram(t, t.TempDir(), "", "run"); got.code != misuse || !strings.Contains(got.err, "there is no configuration file") {
		t.Errorf("without the named file: %+v", got)
	}
	writeFile(t, dir, "config.toml", "[server]\nlisen = 1\n[avatars.demo]\nbackend = \"ecco\"\n")
	got := runProgram(t, dir, "", "run")
	for _, want := range []string{"has 2 faults", "config.toml:2:1: server.lisen", "config.toml:4:1: avatars.demo.backend", `did you mean "echo"?`} {
		if got.code != misuse || !strings.Contains(got.err, want) {
			t.Errorf("broken configuration: %+v, want %q", got, want)
		}
	}
}

// elsewhere gives the default configuration other addresses: somebody may use this machine's real ones.
func elsewhere(document, public, admin string) string {
	return strings.NewReplacer("127.0.0.1:8080", public, "127.0.0.1:8081", admin).Replace(document)
}

func TestInitWritesAFileThatWorksAndReplacesNone(t *testing.T) {
	dir := t.TempDir()
	if got := runProgram(t, dir, "", "init"); got.code != ok {
		t.Fatalf("%+v", got)
	}
	written, err := os.ReadFile(filepath.Join(dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "config.toml", elsewhere(string(written), freeAddr(t), freeAddr(t)))
	if got := runProgram(t, dir, "", "check"); got.code != ok || !strings.Contains(got.out, "✓ avatars.demo") {
		t.Errorf("check: %+v", got)
	}
	writeFile(t, dir, "config.toml", "# mine")
	if err := os.Chmod(filepath.Join(dir, "config.toml"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := runProgram(t, dir, "", "init"); got.code != failed || !strings.Contains(got.err, "--force") {
		t.Errorf("a second init: %+v", got)
	}
	for i, kept := range []string{"config.toml.before-init", "config.toml.before-init-2"} {
		mine := "# mine " + strconv.Itoa(i)
		writeFile(t, dir, "config.toml", mine)
		if got := runProgram(t, dir, "", "init", "--force"); got.code != ok || !strings.Contains(got.out, kept+" now.") {
			t.Errorf("init --force: %+v", got)
		}
		if old, err := os.ReadFile(filepath.Join(dir, kept)); err != nil || string(old) != mine {
			t.Errorf("%s holds %q, %v", kept, old, err)
		}
	}
	if got := runProgram(t, dir, "", "init", "--force"); got.code != ok || strings.Contains(got.out, "before-init") {
		t.Errorf("init --force over what init wrote: %+v", got)
	}
	written, err = os.ReadFile(filepath.Join(dir, "config.toml"))
	if err != nil || !bytes.Equal(written, config.Default) {
		t.Errorf("init --force left %q, %v", written, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "config.toml")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file in which secrets are to be put has mode %v, %v", info.Mode(), err)
	}
}

func TestCheckFailsWithTheSwitchToFlip(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "config.toml", "[avatars.mine]\nbackend = \"webhook\"\nurl = \"http://"+freeAddr(t)+"/turn\"\n")
	got := runProgram(t, dir, "", "check")
	if got.code != failed || !strings.Contains(got.out, "✗ avatars.mine: ") || !strings.Contains(got.out, "  → ") {
		t.Errorf("%+v", got)
	}
}

func TestPublicSideAsksToComeAgainUntilTheStoreIsOpen(t *testing.T) {
	s := &service{config: &config.Config{Bridges: []config.Bridge{{Name: "tg"}}}}
	h := server.Public(s.closed())
	for path, want := range map[string]int{
		"/livez": 200, "/": 200, "/bridges/tg/webhook": 503, "/avatars/a/callback/t": 503, "/media/t": 503, "/bridges/other/webhook": 404,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

func TestLogShowsNoSecretWhateverIsLogged(t *testing.T) {
	const secret = "123456:canary-secret"
	for _, format := range []string{"json", "text"} {
		var out bytes.Buffer
		log := newLog(&out, config.Log{Level: "info", Format: format}, []string{secret})
		log.Info("call of https://api.example/bot"+secret+"/getMe", "url", "x"+secret, "err", errors.New("failed "+secret),
			slog.Group("in", "url", secret))
		if strings.Contains(out.String(), "canary") || !strings.Contains(out.String(), "(secret)") {
			t.Errorf("%s: %s", format, out.String())
		}
	}
}

func TestVersionIsOneLine(t *testing.T) {
	got := runProgram(t, t.TempDir(), "", "version")
	if got.code != ok || strings.Count(got.out, "\n") != 1 || !strings.HasPrefix(got.out, "avatarbridge ") {
		t.Errorf("%+v", got)
	}
}
