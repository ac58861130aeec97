package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"avatarbridge/bridges/bridgetest"
)

func TestCheckTellsWhatWorksAndWhichSwitchToFlip(t *testing.T) {
	r := newRig(t, setup{})
	r.bot = r.telegram.AddBot(bridgetest.BotOptions{ReadsAll: false})
	r.write(setup{})
	got := runProgram(t, r.dir, "", "check")
	for _, want := range []string{"✓ avatars.luna: credentials accepted", "✓ avatars.luna: runner", "✓ bridges.tg: token accepted: @" + r.bot.Username} {
		if got.code != ok || !strings.Contains(got.out, want) {
			t.Errorf("%+v, want %q", got, want)
		}
	}
	r.write(setup{bridge: "[[bridges.tg.routes]]\nchannels = [\"-1\"]\nreply_when = \"always\"\n"})
	got = runProgram(t, r.dir, "", "check")
	if got.code != failed || !strings.Contains(got.out, "✗ bridges.tg: privacy mode is on") || !strings.Contains(got.out, "→ @BotFather: /setprivacy") {
		t.Errorf("with a room that wants all messages: %+v", got)
	}
	r.telegram.Revoke(r.bot)
	got = runProgram(t, r.dir, "", "check")
	if got.code != failed || !strings.Contains(got.out, "✗ bridges.tg: Telegram refuses the token") || strings.Contains(got.out+got.err, r.bot.Token) {
		t.Errorf("with a token that was taken back: %+v", got)
	}
}

func TestGroupIsAnsweredOnceTheIDInTheLogIsListed(t *testing.T) {
	r := newRig(t, setup{})
	group := r.telegram.AddSupergroup("Friends", r.bot)
	ann := r.telegram.AddUser("Ann")
	mention := func(text string) {
		r.telegram.Write(bridgetest.Line{Chat: group, From: ann, Text: "@" + r.bot.Username + " " + text})
	}
	r.start()
	r.ready()
	mention("hello")
	r.await("the line in the log", func() bool {
		return strings.Contains(r.logged(), `"channel":"`+group.Channel()+`"`)
	})
	if n := r.telegram.PostCount(); n != 0 {
		t.Errorf("%d posts in a group that is not listed", n)
	}
	r.kill()
	r.write(setup{bridge: fmt.Sprintf("[[bridges.tg.routes]]\nchannels = [%q]\n", group.Channel())})
	r.start()
	r.ready()
	mention("hello again")
	post, err := r.telegram.WaitPost(deadline(t), func(bridgetest.Post) bool { return true })
	if err != nil || post.Chat != group.ID || !strings.Contains(post.Text, "hello again") {
		t.Errorf("%+v, %v; log:\n%s", post, err, r.logged())
	}
}

func TestPausedProgramTakesMessagesAndAnswersThemAfterResume(t *testing.T) {
	r := newRig(t, setup{})
	ann := r.telegram.AddUser("Ann")
	r.start()
	r.ready()
	if got := runProgram(t, r.dir, "", "pause", "tg"); got.code != ok {
		t.Fatalf("%+v", got)
	}
	r.telegram.Write(bridgetest.Line{Chat: r.telegram.Direct(ann, r.bot), From: ann, Text: "are you there?"})
	r.await("the message to wait", func() bool {
		_, metrics := r.get("/metrics")
		return strings.Contains(metrics, fmt.Sprintf(`avatarbridge_waiting{account="telegram:%d",kind="turn"} 1`, r.bot.ID))
	})
	if asked := len(r.virtuals.Prompts()); asked != 0 {
		t.Errorf("the avatar was asked %d times during the pause", asked)
	}
	if got := runProgram(t, r.dir, "", "resume", "tg"); got.code != ok {
		t.Fatalf("%+v", got)
	}
	if _, err := r.telegram.WaitPosts(deadline(t), 1); err != nil {
		t.Errorf("%v; log:\n%s", err, r.logged())
	}
}

func TestWebhookIsServedAtThePublicAddress(t *testing.T) {
	r := newRig(t, setup{})
	r.write(setup{bridge: "mode = \"webhook\"\nwebhook_secret = \"only-telegram-knows\"\n"})
	document, err := os.ReadFile(filepath.Join(r.dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	hidden := t.TempDir()
	writeFile(t, hidden, "config.toml", strings.Replace(string(document), "public_url =", "# public_url =", 1))
	if got := runProgram(t, hidden, "", "run"); got.code != misuse || !strings.Contains(got.err, "bridges.tg.mode needs server.public_url") {
		t.Errorf("without a public address: %+v", got)
	}
	r.start()
	r.ready()
	ann := r.telegram.AddUser("Ann")
	r.telegram.Write(bridgetest.Line{Chat: r.telegram.Direct(ann, r.bot), From: ann, Text: "over the webhook"})
	if _, err := r.telegram.WaitPosts(deadline(t), 1); err != nil {
		t.Errorf("%v; log:\n%s", err, r.logged())
	}
	if polls := r.telegram.Calls("getUpdates"); polls != 0 {
		t.Errorf("%d polls in mode webhook", polls)
	}
}
