package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/bridgetest"
)

// A voxRig is the program between the Telegram and the Voximplant simulators.
type voxRig struct {
	*rig
	vox *avatartest.Voximplant
	ctx context.Context
}

// newVoxRig makes a rig in which the avatar concierge answers, with more lines for its section.
func newVoxRig(t *testing.T, more string) voxRig {
	t.Helper()
	vox, err := avatartest.NewVoximplant(avatartest.VoximplantConfig{Retries: 1000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(vox.Close)
	section := "allow_private = true\n" + overREST(vox) + more
	return voxRig{newRig(t, setup{avatar: "concierge", luna: section}), vox, deadline(t)}
}

// texts waits until n texts were posted in the chat.
func (r voxRig) texts(c *bridgetest.Chat, n int) []string {
	r.t.Helper()
	if err := r.telegram.WaitFor(r.ctx, func() bool { return len(r.telegram.PostsIn(c)) >= n }); err != nil {
		r.t.Fatalf("%v; log:\n%s", err, r.logged())
	}
	var all []string
	for _, p := range r.telegram.PostsIn(c) {
		all = append(all, p.Text)
	}
	return all
}

func (r voxRig) write(c *bridgetest.Chat, u *bridgetest.User, text string) {
	r.telegram.Write(bridgetest.Line{Chat: c, From: u, Text: text})
}

// heard waits until n utterances came.
func (r voxRig) heard(n int) []avatartest.VoximplantUtterance {
	r.t.Helper()
	if err := r.vox.Await(r.ctx, avatartest.UtteranceReceived, n); err != nil {
		r.t.Fatalf("%v; log:\n%s", err, r.logged())
	}
	return r.vox.Utterances()
}

// post posts a callback and returns the status.
func (r voxRig) post(uri, text string) int {
	r.t.Helper()
	status, err := r.vox.Post(r.ctx, uri, "", avatartest.VoximplantCallback{Response: text})
	if err != nil {
		r.t.Fatal(err)
	}
	return status
}

// silent lets the avatar take utterances and say nothing by itself.
func silent(avatartest.VoximplantUtterance) avatartest.VoximplantAnswer {
	return avatartest.VoximplantAnswer{}
}

func TestTwoCallbacksToEachMessageArePostedInOrder(t *testing.T) {
	r := newVoxRig(t, "")
	r.vox.Answer(func(u avatartest.VoximplantUtterance) avatartest.VoximplantAnswer {
		return avatartest.VoximplantAnswer{
			Before: []avatartest.VoximplantCallback{{Response: "first to " + u.Text}},
			After:  []avatartest.VoximplantCallback{{Response: "second to " + u.Text, Snake: true, Times: 2}},
		}
	})
	r.start()
	var chats []*bridgetest.Chat
	for i := range 10 {
		u := r.telegram.AddUser(fmt.Sprint("person ", i))
		chats = append(chats, r.telegram.Direct(u, r.bot))
		r.write(chats[i], u, fmt.Sprint("hello from ", i))
	}
	for i, c := range chats {
		want := []string{fmt.Sprint("first to hello from ", i), fmt.Sprint("second to hello from ", i)}
		if got := r.texts(c, 2); !slices.Equal(got, want) {
			t.Errorf("chat %d: %q, want %q", i, got, want)
		}
	}
	for _, u := range r.heard(10) {
		if u.CustomData["platform"] != "telegram" || u.CustomData["bridge"] != "tg" || u.CustomData["userUid"] == "" {
			t.Errorf("the scenario was told %v", u.CustomData)
		}
	}
}

func TestACallbackAfterAKillReachesItsChatAlone(t *testing.T) {
	r := newVoxRig(t, "")
	r.vox.Answer(silent)
	r.start()
	ann, bob := r.telegram.AddUser("Ann"), r.telegram.AddUser("Bob")
	annChat, bobChat := r.telegram.Direct(ann, r.bot), r.telegram.Direct(bob, r.bot)
	r.write(annChat, ann, "from Ann")
	r.write(bobChat, bob, "from Bob")
	uris := map[string]string{}
	for _, u := range r.heard(2) {
		uris[u.Text] = u.CallbackURI
	}
	r.await("the answers to the utterances", func() bool { return r.vox.Count(avatartest.UtteranceAnswered) == 2 })
	r.kill()
	r.start()
	r.ready()
	for range 2 { // its repeat is one with it
		for text, uri := range uris {
			if status := r.post(uri, "to "+text); status/100 != 2 {
				t.Fatalf("status %d", status)
			}
		}
	}
	r.kill() // what was acknowledged is on disk
	r.start()
	r.ready()
	for text, uri := range uris {
		if status := r.post(uri, "to "+text); status/100 != 2 {
			t.Fatalf("status %d", status)
		}
		if status := r.post(uri, "and more to "+text); status/100 != 2 {
			t.Fatalf("status %d", status)
		}
	}
	for name, c := range map[string]*bridgetest.Chat{"from Ann": annChat, "from Bob": bobChat} {
		r.texts(c, 2)
		r.await("the last post", func() bool {
			posts := r.telegram.PostsIn(c)
			return strings.HasPrefix(posts[len(posts)-1].Text, "and more")
		})
		got := slices.Compact(r.texts(c, 2)) // Telegram has no means against repeats of what was in flight
		if !slices.Equal(got, []string{"to " + name, "and more to " + name}) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestACallbackBeforeTheAnswerSettlesTheMessageOverAKill(t *testing.T) {
	r := newVoxRig(t, "")
	r.vox.Answer(silent)
	r.vox.Break(avatartest.UtteranceReceived, 1, avatartest.Stalled())
	r.start()
	ann := r.telegram.AddUser("Ann")
	c := r.telegram.Direct(ann, r.bot)
	r.write(c, ann, "only once")
	uri := r.heard(1)[0].CallbackURI
	if status := r.post(uri, "here"); status/100 != 2 {
		t.Fatalf("status %d", status)
	}
	r.kill()
	r.start()
	r.ready()
	r.write(c, ann, "and another")
	all := r.heard(2)
	if all[1].Text != "and another" {
		t.Errorf("the avatar was asked %q once more", all[1].Text)
	}
	if got := r.texts(c, 1); got[0] != "here" {
		t.Errorf("posted %q", got)
	}
}

func TestCallbacksWithoutAGoodTokenGetA404AndChangeNothing(t *testing.T) {
	r := newVoxRig(t, "[avatars.other]\nbackend = \"webhook\"\nurl = \"http://127.0.0.1:9/\"\n")
	r.vox.Answer(silent)
	r.start()
	ann := r.telegram.AddUser("Ann")
	c := r.telegram.Direct(ann, r.bot)
	r.write(c, ann, "hello")
	good := r.heard(1)[0].CallbackURI
	base, token := good[:strings.LastIndex(good, "/")+1], good[strings.LastIndex(good, "/")+1:]
	other := []byte(token)
	other[len(other)/2] ^= 1
	for name, uri := range map[string]string{
		"wrong":     base + string(other),
		"made up":   base + "AAAA",
		"missing":   base,
		"cut":       base + token[:len(token)-2],
		"foreign":   strings.Replace(good, "/concierge/", "/other/", 1),
		"no avatar": strings.Replace(good, "/concierge/", "/nobody/", 1),
	} {
		if status := r.post(uri, "evil"); status != http.StatusNotFound {
			t.Errorf("%s token: status %d", name, status)
		}
	}
	if status, err := r.vox.Post(r.ctx, good, "", avatartest.VoximplantCallback{Response: "bye", Final: true}); err != nil || status/100 != 2 {
		t.Fatal(status, err)
	}
	if status := r.post(good, "evil"); status != http.StatusNotFound {
		t.Errorf("a token of an ended conversation: status %d", status)
	}
	r.write(c, ann, "hello again")
	next := r.heard(2)[1]
	if next.Conversation == r.vox.Utterances()[0].Conversation || next.Over {
		t.Error("the next message does not open a new conversation")
	}
	if status := r.post(next.CallbackURI, "welcome back"); status/100 != 2 {
		t.Errorf("status %d", status)
	}
	if got := r.texts(c, 2); !slices.Equal(got, []string{"bye", "welcome back"}) {
		t.Errorf("posted %q", got)
	}
	for _, private := range append(r.vox.Secrets(), token) {
		if strings.Contains(r.logged(), private) {
			t.Error("the log tells a secret")
		}
	}
}

func TestAResetStopsTheConversationAtVoximplant(t *testing.T) {
	r := newVoxRig(t, "")
	r.start()
	ann := r.telegram.AddUser("Ann")
	c := r.telegram.Direct(ann, r.bot)
	r.write(c, ann, "hello")
	r.texts(c, 1)
	first := r.heard(1)[0].Conversation
	r.write(c, ann, "/reset")
	if err := r.vox.Await(r.ctx, avatartest.StopReceived, 1); err != nil {
		t.Fatalf("%v; log:\n%s", err, r.logged())
	}
	if stops := r.vox.Stops(); !slices.Equal(stops, []string{first}) {
		t.Errorf("stopped %q, want %q", stops, first)
	}
}

func TestAMissingPublicURLIsAFaultThatOffersGRPC(t *testing.T) {
	dir := t.TempDir()
	section := "[avatars.concierge]\nbackend = \"voximplant\"\naccount_id = \"1\"\napi_key = \"k\"\navatar_id = \"a\"\n"
	writeFile(t, dir, "config.toml", section)
	e := runProgram(t, dir, "", "check")
	said := e.out + e.err
	if e.code == ok || !strings.Contains(said, "server.public_url") || !strings.Contains(said, `transport = "grpc"`) {
		t.Errorf("exit code %d: %s", e.code, said)
	}
}
