package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/bridgetest"
)

// says posts a callback that must be taken.
func (r voxRig) says(uri string, c avatartest.VoximplantCallback) {
	r.t.Helper()
	if status, err := r.vox.Post(r.ctx, uri, "", c); err != nil || status/100 != 2 {
		r.t.Fatalf("%+v: status %d, %v; the log ends with\n%s", c, status, err, tail(r.logged()))
	}
}

func TestAllThatACallbackMayHoldIsPostedAsItIsMeant(t *testing.T) {
	r := newVoxRig(t, "")
	r.vox.Answer(silent)
	r.start()
	ann := r.telegram.AddUser("Ann")
	c := r.telegram.Direct(ann, r.bot)
	r.write(c, ann, "hello")
	uri := r.heard(1)[0].CallbackURI
	object := map[string]any{"buttons": []string{"Yes", "No"}, "emotion": "joy"}
	for _, snake := range []bool{false, true} {
		for _, said := range []avatartest.VoximplantCallback{
			{Response: fmt.Sprint("null ", snake)},
			{Response: fmt.Sprint("string ", snake), CustomData: `{"buttons":["Yes","No"]}`},
			{Response: fmt.Sprint("object ", snake), CustomData: object},
			{Response: fmt.Sprint("no JSON ", snake), CustomData: "plain words"},
			{Response: "", CustomData: map[string]any{"buttons": []string{fmt.Sprint("alone ", snake)}}},
			{Response: "  "}, // nothing to post
		} {
			said.Snake = snake
			r.says(uri, said)
		}
	}
	want := []string{
		"null false", "string false\n\n1. Yes\n2. No", "object false\n\n1. Yes\n2. No", "no JSON false", "1. alone false",
		"null true", "string true\n\n1. Yes\n2. No", "object true\n\n1. Yes\n2. No", "no JSON true", "1. alone true",
	}
	if got := r.texts(c, len(want)); !slices.Equal(got, want) {
		t.Errorf("posted %q, want %q", got, want)
	}
}

func TestAFinalCallbackWithOrWithoutWordsEndsTheConversation(t *testing.T) {
	r := newVoxRig(t, "")
	r.vox.Answer(silent)
	r.start()
	ann := r.telegram.AddUser("Ann")
	c := r.telegram.Direct(ann, r.bot)
	var met []string
	for n, said := range []avatartest.VoximplantCallback{{Response: "bye", Final: true}, {Final: true, Snake: true}, {Response: "the end", Final: true, Snake: true}} {
		r.write(c, ann, fmt.Sprint("message ", n))
		u := r.heard(n + 1)[n]
		if slices.Contains(met, u.Conversation) {
			t.Errorf("message %d came in a conversation that was over", n)
		}
		met = append(met, u.Conversation)
		r.says(u.CallbackURI, said)
	}
	r.write(c, ann, "last")
	r.says(r.heard(4)[3].CallbackURI, avatartest.VoximplantCallback{Response: "well"})
	if got := r.texts(c, 3); !slices.Equal(got, []string{"bye", "the end", "well"}) {
		t.Errorf("posted %q", got)
	}
	uids := map[any]bool{}
	for _, u := range r.vox.Utterances() {
		uids[u.CustomData["userUid"]] = true
	}
	if len(uids) != 1 {
		t.Errorf("one person was told to the scenario as %v", uids)
	}
}

func TestAnUtteranceThatMeetsTheEndIsAskedOnceAgainInTheNewConversation(t *testing.T) {
	r := newVoxRig(t, "")
	r.vox.Answer(silent)
	r.start()
	ann := r.telegram.AddUser("Ann")
	c := r.telegram.Direct(ann, r.bot)
	r.write(c, ann, "one")
	first := r.heard(1)[0]
	r.says(first.CallbackURI, avatartest.VoximplantCallback{Response: "to one"})
	r.write(c, ann, "two")
	r.heard(2)
	r.await("the second to be taken", func() bool { return r.vox.Count(avatartest.UtteranceAnswered) == 2 })
	r.says(first.CallbackURI, avatartest.VoximplantCallback{Response: "bye", Final: true})
	all := r.heard(3)
	if all[2].Text != "two" || all[2].Conversation == first.Conversation {
		t.Errorf("after the end came %+v", all[2])
	}
	r.says(all[2].CallbackURI, avatartest.VoximplantCallback{Response: "to two"})
	if got := r.texts(c, 3); !slices.Equal(got, []string{"to one", "bye", "to two"}) {
		t.Errorf("posted %q", got)
	}
	r.write(c, ann, "three")
	if all := r.heard(4); len(all) != 4 || all[3].Text != "three" {
		t.Errorf("the avatar heard %+v", all)
	}
}

func TestAReplyThatNeverComesLeavesNoTypingAndItsNoticeOnlyWhereItIsWanted(t *testing.T) {
	for name, notice := range map[string]string{"by default": "", "wanted": "Nobody answers now."} {
		t.Run(name, func(t *testing.T) {
			r := newVoxRig(t, "reply_timeout = \"700ms\"\n")
			if notice != "" {
				r.amend("messages", fmt.Sprintf("no_reply = %q\n", notice))
			}
			r.vox.Answer(silent)
			r.start()
			ann := r.telegram.AddUser("Ann")
			c := r.telegram.Direct(ann, r.bot)
			r.write(c, ann, "one")
			r.write(c, ann, "two")
			began := time.Now()
			all := r.heard(2)
			if took := time.Since(began); took < 500*time.Millisecond {
				t.Errorf("the second message did not wait for the reply to the first: %v", took)
			}
			var want []string
			if notice != "" {
				want = r.texts(c, 1)
				if want[0] != notice {
					t.Errorf("posted %q", want)
				}
			}
			r.says(all[0].CallbackURI, avatartest.VoximplantCallback{Response: "late"})
			if got := r.texts(c, len(want)+1); !slices.Contains(got, "late") || len(got) > len(want)+1 {
				t.Errorf("posted %q", got)
			}
			if shown := r.telegram.Actions(c); len(shown) > 0 {
				t.Errorf("typing was shown for what nobody thinks about: %v", shown)
			}
		})
	}
}

// replace changes the configuration of a program that does not run.
func (r *rig) replace(old, with string) {
	r.t.Helper()
	file := filepath.Join(r.dir, "config.toml")
	all, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	if strings.Count(string(all), old) != 1 {
		r.t.Fatalf("%q is not once in the configuration", old)
	}
	writeFile(r.t, r.dir, "config.toml", strings.Replace(string(all), old, with, 1))
}

func TestOverGRPCTheProgramNeedsNoPublicURLAndEndsConversationsAsTheAvatarDoes(t *testing.T) {
	more := make(chan struct{})
	sim, err := avatartest.NewVoximplantGRPC(avatartest.VoximplantGRPCConfig{Answer: func(s avatartest.GRPCSaid) []avatartest.GRPCReply {
		switch s.Text {
		case "bye":
			return []avatartest.GRPCReply{{Text: "good bye", Final: true}}
		case "hush":
			return []avatartest.GRPCReply{{Final: true}}
		case "twice":
			return []avatartest.GRPCReply{{Text: "first"}, {Text: "second", Gate: more, Data: `{"buttons":["Go on"]}`}}
		}
		return []avatartest.GRPCReply{{Text: fmt.Sprintf("%s on %d", s.Text, s.Stream)}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	r := newRig(t, setup{avatar: "concierge", luna: "allow_private = true\n" + overGRPC(sim)})
	r.replace(fmt.Sprintf("public_url = \"http://%s\"\n", r.public), "")
	r.start()
	ann := r.telegram.AddUser("Ann")
	c := r.telegram.Direct(ann, r.bot)
	var want []string
	say := func(text string, replies ...string) {
		t.Helper()
		r.telegram.Write(bridgetest.Line{Chat: c, From: ann, Text: text})
		want = append(want, replies...)
		var got []string
		err := r.telegram.WaitFor(deadline(t), func() bool {
			got = nil
			for _, p := range r.telegram.PostsIn(c) {
				got = append(got, p.Text)
			}
			return slices.Equal(got, want)
		})
		if err != nil {
			t.Fatalf("%v: after %q stands %q, want %q; the log ends with\n%s", err, text, got, want, tail(r.logged()))
		}
	}
	ended := func(n int) {
		t.Helper()
		if err := sim.Await(deadline(t), avatartest.GRPCEnded, n); err != nil {
			t.Fatal(err)
		}
	}
	say("one", "one on 0")
	say("two", "two on 0")
	say("bye", "good bye")
	ended(1)
	say("three", "three on 1")
	say("hush")
	ended(2)
	say("four", "four on 2")
	say("twice", "first")
	close(more)
	want = append(want, "second\n\n1. Go on")
	say("five", "five on 2")
	say("/reset", "Let's start over. What would you like to talk about?")
	ended(3)
	say("six", "six on 3")
	r.await("the last post to be settled", r.settled)
	r.kill()
	ended(4)
	r.start()
	say("seven", "seven on 4")
}
