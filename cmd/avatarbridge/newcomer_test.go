package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/fault"
	"avatarbridge/cmd/avatarbridge/internal/control"
)

// runIn runs one command in a folder, without naming a configuration.
func runIn(t *testing.T, dir, in string, args ...string) ended {
	t.Helper()
	t.Chdir(dir)
	var out, errs bytes.Buffer
	p := &program{in: strings.NewReader(in), out: &out, err: &errs, env: func(string) (string, bool) { return "", false }}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return ended{p.main(ctx, args), out.String(), errs.String()}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOnlyChatDoesWithoutAConfiguration(t *testing.T) {
	dir := t.TempDir()
	for _, args := range []string{"run", "check", "pause", "dead list", "people list", "backup x", "restore x"} {
		got := runIn(t, dir, "", strings.Fields(args)...)
		if got.code != misuse || strings.Contains(got.err, "Try:") ||
			!strings.Contains(got.err, "there is no config.toml here: write one with avatarbridge init, or name one with --config") {
			t.Errorf("%s: %+v", args, got)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the commands left %v, %v", left, err)
	}
	if got := runIn(t, dir, "hello\n", "chat"); got.code != ok || !strings.Contains(got.out, "hello") || !strings.Contains(got.err, "a built-in one is used") {
		t.Errorf("chat: %+v", got)
	}
}

func TestOperatorCommandsWorkWhileAVariableOfABridgeIsUnset(t *testing.T) {
	dir, admin := demo(t)
	start(t, dir, admin)
	writeFile(t, dir, "config.toml", "[server]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \""+admin+"\"\n[avatars.demo]\nbackend = \"ecco\"\n"+
		"[bridges.tg]\nplatform = \"telegram\"\ntoken = \"${TELEGRAM_TOKEN}\"\navatar = \"demo\"\n")
	for _, args := range []string{"pause", "resume", "dead list", "people list", "backup " + filepath.Join(dir, "b.db")} {
		if got := runProgram(t, dir, "", strings.Fields(args)...); got.code != ok || !strings.Contains(got.err, "2 faults that this command can do without") {
			t.Errorf("%s: %+v", args, got)
		}
	}
	if got := runProgram(t, dir, "", "check"); got.code != misuse || !strings.Contains(got.err, "TELEGRAM_TOKEN") {
		t.Errorf("check: %+v", got)
	}
}

func TestPauseIsSeenByCheckRunAndChat(t *testing.T) {
	dir, admin := demo(t)
	r := start(t, dir, admin)
	if got := runProgram(t, dir, "", "pause"); got.code != ok {
		t.Fatalf("%+v", got)
	}
	const said = "everything is paused: avatarbridge resume"
	if got := runProgram(t, dir, "", "check"); got.code != ok || !strings.Contains(got.out, said) {
		t.Errorf("check beside the program: %+v", got)
	}
	if body := fetch(t, "http://"+admin+"/readyz"); !strings.Contains(body, `"everything"`) {
		t.Errorf("/readyz: %s", body)
	}
	r.stop()
	if code := <-r.code; code != ok {
		t.Fatalf("exit code %d", code)
	}
	if got := runProgram(t, dir, "", "check"); got.code != ok || !strings.Contains(got.out, said) {
		t.Errorf("check without the program: %+v", got)
	}
	if got := runProgram(t, dir, "", "chat"); got.code != ok || !strings.Contains(got.err, said) {
		t.Errorf("chat: %+v", got)
	}
	again := start(t, dir, admin)
	eventually(t, "the pause in the welcome", func() bool { return strings.Contains(again.out.String(), said) })
}

func TestResumeSaysWhatStaysPausedAndWhatNeverWas(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "config.toml", "[avatars.demo]\nbackend = \"echo\"\n[server]\nadmin_listen = \""+freeAddr(t)+"\"\n"+
		"[bridges.tg]\nplatform = \"telegram\"\ntoken = \"123456:AAF-abcdefghijklmnopqrstuvwxyz012345\"\navatar = \"demo\"\n")
	runProgram(t, dir, "", "chat") // makes the database
	for _, step := range []struct{ args, want string }{
		{"resume", "There was no pause of everything."},
		{"pause", "Paused everything"},
		{"pause tg", "Paused tg"},
		{"resume", "The pause of everything is over.\nAnother holds on: tg is paused: avatarbridge resume tg\n"},
		{"resume tg", "Resumed tg.\n"},
	} {
		if got := runProgram(t, dir, "", strings.Fields(step.args)...); got.code != ok || !strings.Contains(got.out, step.want) {
			t.Errorf("%s: %+v, want %q", step.args, got, step.want)
		}
	}
	if got := runProgram(t, dir, "", "pause", "nobody"); got.code != failed || !strings.Contains(got.err, "the configuration has tg") {
		t.Errorf("%+v", got)
	}
}

func TestChatSaysThatTheServiceIsDownAndThatItIsTriedAgain(t *testing.T) {
	dir, service := t.TempDir(), freeAddr(t)
	writeFile(t, dir, "config.toml", "[server]\nadmin_listen = \""+freeAddr(t)+"\"\n[turns]\nmax_attempts = 2\n"+
		"[avatars.mine]\nbackend = \"webhook\"\nurl = \"http://"+service+"/turn\"\n")
	got := runProgram(t, dir, "hello\n", "chat")
	for _, want := range []string{"trying again in ", "nothing listens at " + service} {
		if !strings.Contains(got.err, want) {
			t.Errorf("no %q in %+v", want, got)
		}
	}
	if strings.Contains(got.err, "dial tcp") || strings.Contains(got.err, `"level"`) {
		t.Errorf("not for people: %s", got.err)
	}
}

func TestRemarksShowNoSecret(t *testing.T) {
	var said []string
	log := slog.New(newRemarks(func(s string) { said = append(said, s) }, []string{"canary-secret"}))
	log.Info("started", "err", "no matter")
	log.Warn("the circuit breaker changed", "state", "open")
	log.With("bridge", "terminal").Warn("the avatar failed; trying again", "in", "2s", "err", errors.New("refused canary-secret"))
	if len(said) != 1 || said[0] != "the avatar failed; trying again in 2s: refused (secret)" {
		t.Errorf("%q", said)
	}
}

func TestCheckFindsAnAddressThatAnotherProgramHas(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for key, free := range map[string]string{"listen": "admin_listen", "admin_listen": "listen"} {
		dir := t.TempDir()
		writeFile(t, dir, "config.toml", "[server]\n"+free+" = \"127.0.0.1:0\"\n"+key+" = \""+other.Addr().String()+"\"\n[avatars.demo]\nbackend = \"echo\"\n")
		got := runProgram(t, dir, "", "check")
		if got.code != failed || !strings.Contains(got.out, "✗ server."+key+": another program listens at "+other.Addr().String()) {
			t.Errorf("%s: %+v", key, got)
		}
	}
}

func TestCheckBesideTheRunningProgramFindsItsAddressesFine(t *testing.T) {
	dir, admin, public := t.TempDir(), freeAddr(t), freeAddr(t)
	writeFile(t, dir, "config.toml", "[server]\nlisten = \""+public+"\"\nadmin_listen = \""+admin+"\"\n[avatars.demo]\nbackend = \"echo\"\n")
	if got := runProgram(t, dir, "", "check"); got.code != ok || !strings.Contains(got.out, "✓ server.listen: "+public+" is free") {
		t.Errorf("before the start: %+v", got)
	}
	start(t, dir, admin)
	got := runProgram(t, dir, "", "check")
	for _, want := range []string{"✓ server.listen: this program runs at " + public, "✓ server.admin_listen: this program runs at " + admin} {
		if got.code != ok || !strings.Contains(got.out, want) {
			t.Errorf("%+v, want %q", got, want)
		}
	}
}

// stuck is an avatar whose service never answers.
type stuck struct{}

func (stuck) Check(ctx context.Context) []fault.Finding {
	<-ctx.Done()
	return []fault.Finding{{What: "luna: " + ctx.Err().Error(), Fix: "look at it"}}
}

func TestCheckDoesNotWaitLongAndSaysWhatItWaitsFor(t *testing.T) {
	var out bytes.Buffer
	r := report{out: &out, watched: true, patience: 10 * time.Millisecond}
	r.look(t.Context(), "avatars.luna", stuck{})
	for _, want := range []string{"… avatars.luna: waiting for an answer, at most 10ms\r", "✗ avatars.luna: luna: no answer within 10ms\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %q", want, out.String())
		}
	}
}

func TestUnclearDeadLetterOfAMessageIsNoReply(t *testing.T) {
	for want, l := range map[string]control.Letter{
		"reply, perhaps sent": {Unclear: true, Post: true}, "message, perhaps answered": {Unclear: true},
		"reply, not sent": {Post: true}, "message, not answered": {},
	} {
		if got := what(l); got != want {
			t.Errorf("%+v is %q, want %q", l, got, want)
		}
	}
}

func TestCommandLineMistakesAreToldInTheWordsOfTheUser(t *testing.T) {
	dir, _ := demo(t)
	for args, want := range map[string]string{
		"dead":             `a word is missing: one of "list", "retry", "drop"`,
		"dead retry x":     `"x" is no id: ids are the numbers in dead list`,
		"backup":           "the name of the file is missing",
		"people show":      "say who: a uid from people list, or platform:user",
		"people list -n x": `--limit takes a number, not "x"`,
		"people list -n":   "--limit needs a value after it",
		"dead frob":        `"frob" is not expected here: did you mean "drop"?`,
	} {
		if got := runProgram(t, dir, "", strings.Fields(args)...); got.code != misuse || !strings.Contains(got.err, want) {
			t.Errorf("%s: %+v, want %q", args, got, want)
		}
	}
}

func TestRestoreNamesTheKeptDatabaseAndUselessFiles(t *testing.T) {
	dir, _ := demo(t)
	runProgram(t, dir, "hello\n", "chat")
	backup := filepath.Join(dir, "b.db")
	if got := runProgram(t, dir, "", "backup", backup); got.code != ok {
		t.Fatalf("%+v", got)
	}
	for i := range 2 {
		got := runProgram(t, dir, "", "restore", backup)
		kept, err := filepath.Glob(filepath.Join(dir, "avatarbridge.db.before-restore-*"))
		if err != nil || len(kept) != i+1 || got.code != ok || !strings.Contains(got.out, kept[i]) {
			t.Errorf("%+v; kept %v, %v", got, kept, err)
		}
	}
	writeFile(t, dir, "noise", strings.Repeat("no database ", 100))
	for file, want := range map[string]string{"noise": "it is no backup of this program", "none": "there is no file "} {
		got := runProgram(t, dir, "", "restore", filepath.Join(dir, file))
		if got.code != failed || !strings.Contains(got.err, "nothing was restored: ") || !strings.Contains(got.err, want) {
			t.Errorf("%s: %+v, want %q", file, got, want)
		}
	}
}

func TestForgettingSaysWhatIsNotWithinReach(t *testing.T) {
	dir, _ := demo(t)
	runProgram(t, dir, "hello\n", "chat")
	list := runProgram(t, dir, "", "people", "list")
	if !strings.Contains(list.out, "LAST SEEN (UTC)") {
		t.Errorf("%s", list.out)
	}
	_, table, _ := strings.Cut(list.out, "\n")
	uid, _, _ := strings.Cut(table, " ")
	got := runProgram(t, dir, "", "people", "forget", uid)
	for _, want := range []string{"with 1 conversation.", "kept audio of replies, which goes after media.keep", "copies of the database that were taken elsewhere"} {
		if got.code != ok || !strings.Contains(got.out, want) {
			t.Errorf("%+v, want %q", got, want)
		}
	}
}
