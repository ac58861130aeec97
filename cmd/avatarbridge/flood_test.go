package main

import (
	"fmt"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

func TestFloodIsBoundedByTheLimitsAndOthersAreAnswered(t *testing.T) {
	r := newRig(t, setup{limits: "person = \"10/m\"\nroom = \"30/m\"\navatar = \"off\"", bridge: "rooms = \"all\"\nreply_when = \"always\""})
	flooded, calm := r.telegram.AddSupergroup("flooded", r.bot), r.telegram.AddSupergroup("calm", r.bot)
	people := make([]*bridgetest.User, 1000)
	for i := range people {
		people[i] = r.telegram.AddUser(fmt.Sprint("p", i))
	}
	loud, direct := r.person("Loud")
	r.start()
	for range 10 {
		for _, p := range people {
			r.say(p, flooded, "noise")
		}
	}
	for range 30 {
		r.say(loud, direct, "spam")
	}
	began := time.Now()
	r.say(r.telegram.AddUser("Calm"), calm, "hello there")
	r.awaitPost(calm, "hello there")
	t.Logf("behind 10,000 messages of others, an answer took %v", time.Since(began))
	if err := r.telegram.WaitFor(deadline(t), func() bool { return len(r.bot.Pending()) == 0 && r.telegram.PostCount() >= 31+11+1 }); err != nil {
		t.Fatalf("%v: %d posts; log:\n%s", err, r.telegram.PostCount(), r.logged())
	}
	count := func(c *bridgetest.Chat) (answers, notices int) {
		for _, p := range r.telegram.PostsIn(c) {
			if p.Text == "BUSY" {
				notices++
			} else {
				answers++
			}
		}
		return answers, notices
	}
	if a, n := count(flooded); a != 30 || n != 1 {
		t.Errorf("the flooded room got %d answers and %d notices, want 30 and 1", a, n)
	}
	if a, n := count(direct); a != 10 || n != 1 {
		t.Errorf("the loud person got %d answers and %d notices, want 10 and 1", a, n)
	}
	if n := len(r.virtuals.Prompts()); n != 41 {
		t.Errorf("the avatar was asked %d times, want 41", n)
	}
}

func TestEveryoneOverALimitInTheirOwnChatHearsItOnce(t *testing.T) {
	r := newRig(t, setup{limits: "person = \"10/m\"\nroom = \"off\"\navatar = \"120/m\""})
	const people = 300
	users, chats := make([]*bridgetest.User, people), make([]*bridgetest.Chat, people)
	for i := range people {
		users[i], chats[i] = r.person(fmt.Sprint("p", i))
	}
	r.start()
	for range 11 {
		for i := range people {
			r.say(users[i], chats[i], "noise")
		}
	}
	if err := r.telegram.WaitFor(deadline(t), func() bool { return len(r.bot.Pending()) == 0 && r.telegram.PostCount() >= 120+people }); err != nil {
		t.Fatalf("%v: %d posts; log:\n%s", err, r.telegram.PostCount(), r.logged())
	}
	if n := len(r.virtuals.Prompts()); n != 120 {
		t.Errorf("the avatar was asked %d times, want 120", n)
	}
	for i, c := range chats {
		notices := 0
		for _, p := range r.telegram.PostsIn(c) {
			if p.Text == "BUSY" {
				notices++
			}
		}
		if notices != 1 {
			t.Errorf("person %d heard %d notices, want one", i, notices)
		}
	}
}
