package main

import (
	"fmt"
	"slices"
	"strconv"
	"sync"

	"avatarbridge/bridges/bridgetest"
)

// A chat is what one person writes in one place on one platform. Its number is its index in the party's chats: it writes text(number, 0),
// text(number, 1) …
type chat struct {
	platform string
	say      func(text string)
	at       func() string // where it is answered, as in a shown's at; "" before it has begun
	uses     *uses         // of a slash command; nil when it is none
}

// uses are a person's uses of a slash command.
type uses struct {
	mu    sync.Mutex
	taken map[string]func() bool // by text: whether the platform was told that the command was taken
}

func (u *uses) note(text string, taken func() bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.taken[text] = taken
}

// refused says that the platform told the person that the command failed, who knows then that there may be no answer.
func (u *uses) refused(text string) bool {
	if u == nil {
		return false
	}
	u.mu.Lock()
	taken := u.taken[text]
	u.mu.Unlock()
	return taken != nil && !taken()
}

func (p *party) add(platform string, say func(string), at func() string, u *uses) {
	p.chats = append(p.chats, &chat{platform: platform, say: say, at: at, uses: u})
}

func fixed(at string) func() string { return func() string { return at } }

// inviteTelegram makes direct chats, people who mention the bot in groups, and topics: of five people three, one and one.
func (p *party) inviteTelegram(n int) {
	var group, forum *bridgetest.Chat
	for i := range n {
		u := p.telegram.AddUser(fmt.Sprint("Person ", i))
		if i%(5*p.perKind) == 0 {
			group, forum = p.telegram.AddSupergroup(fmt.Sprint("Group ", i), p.bot), p.telegram.AddForum(fmt.Sprint("Forum ", i), p.bot)
		}
		at, topic, mention := p.telegram.Direct(u, p.bot), 0, ""
		switch i % 5 {
		case 3:
			at, mention = group, "@"+p.bot.Username+" "
		case 4:
			at, mention = forum, "@"+p.bot.Username+" "
			topic = p.telegram.AddTopic(forum, fmt.Sprint("Topic ", i))
		}
		p.add("telegram", func(text string) {
			p.telegram.Write(bridgetest.Line{Chat: at, From: u, Thread: topic, Text: mention + text})
		}, fixed(telegramPlace(at.ID, topic)), nil)
	}
}

func telegramPlace(chat int64, thread int) string { return fmt.Sprint(chat, "/", thread) }

// inviteDiscord makes direct messages, mentions in channels, threads, posts in a forum, and people who use /ask.
func (p *party) inviteDiscord(n int) {
	rooms := p.d.AddCategory(p.guild, "Rooms")
	forum := p.d.AddForum(p.guild, "forum", rooms)
	var room, asking *bridgetest.DiscordChannel
	for i := range n {
		u := p.d.AddUser(fmt.Sprint("Person ", i))
		if i%(5*p.perKind) == 0 {
			room, asking = p.d.AddText(p.guild, fmt.Sprint("room-", i), rooms), p.d.AddText(p.guild, fmt.Sprint("asking-", i), rooms)
		}
		var at *bridgetest.DiscordChannel
		switch i % 5 {
		case 0, 1:
			at = p.d.DM(u, p.member)
		case 2:
			at = room
		case 3:
			if at = p.d.AddThread(room, fmt.Sprint("thread-", i), u); i%2 == 0 {
				at = p.d.AddPost(forum, fmt.Sprint("Post ", i), u, "What I want to talk about.")
			}
		default:
			p.add("discord", nil, fixed(asking.ID), &uses{taken: map[string]func() bool{}})
			p.chats[len(p.chats)-1].say = p.asksDiscord(p.chats[len(p.chats)-1].uses, u, asking)
			continue
		}
		mention := ""
		if at.Guild != nil {
			mention = p.member.Mention() + " "
		}
		p.add("discord", func(text string) {
			p.d.Say(bridgetest.DiscordLine{Channel: at, From: u, Text: mention + text})
		}, fixed(at.ID), nil)
	}
}

func (p *party) asksDiscord(seen *uses, u *bridgetest.DiscordUser, at *bridgetest.DiscordChannel) func(string) {
	return func(text string) {
		in, err := p.d.Invoke(bridgetest.DiscordInvocation{Bot: p.member, Channel: at, From: u, Command: "ask", Options: map[string]any{"text": text}})
		if err != nil {
			p.t.Errorf("/ask: %v", err)
			return
		}
		seen.note(text, func() bool { return p.d.Answered(in).Answered })
	}
}

// inviteSlack makes direct messages, threads that a mention opens and that go on with mentions or without, and people who use /ask.
func (p *party) inviteSlack(n int) {
	var room, asking *bridgetest.SlackChannel
	for i := range n {
		u := p.s.AddUser(p.app.Team, fmt.Sprint("Person ", i))
		if i%(5*p.perKind) == 0 {
			room = p.s.AddChannel(p.app.Team, fmt.Sprint("room-", i), p.app.User)
			asking = p.s.AddChannel(p.app.Team, fmt.Sprint("asking-", i), p.app.User)
		}
		switch i % 5 {
		case 0, 1:
			dm := p.s.Direct(p.app, u)
			p.add("slack", func(text string) { p.s.Write(bridgetest.SlackLine{Channel: dm, From: u, Text: text}) }, fixed(dm.ID+"/"), nil)
		case 2, 3:
			p.threadOnSlack(u, room, i%5 == 2)
		default:
			at, seen := asking, &uses{taken: map[string]func() bool{}}
			p.add("slack", func(text string) {
				inv := p.s.Command(bridgetest.SlackCommand{App: p.app, Channel: at, User: u, Name: "/ask", Text: text})
				seen.note(text, func() bool { return inv.Outcome() == "acknowledged" })
			}, fixed(at.ID+"/"), seen)
		}
	}
}

// threadOnSlack adds somebody who opens a thread with a mention, and mentions the app in each message there or never again.
func (p *party) threadOnSlack(u *bridgetest.SlackUser, room *bridgetest.SlackChannel, always bool) {
	var mu sync.Mutex
	thread := ""
	p.add("slack", func(text string) {
		mu.Lock()
		defer mu.Unlock()
		if thread == "" || always {
			text = p.app.User.Mention() + " " + text
		}
		w := p.s.Write(bridgetest.SlackLine{Channel: room, From: u, Thread: thread, Text: text})
		if thread == "" {
			thread = w.TS
		}
	}, func() string {
		mu.Lock()
		defer mu.Unlock()
		return room.ID + "/" + thread
	}, nil)
}

// A shown is an answer that people see.
type shown struct{ at, text string }

// shows returns what the avatar has said on each platform, in order.
func (p *party) shows() map[string][]shown {
	all := map[string][]shown{}
	for _, q := range p.telegram.Posts() {
		all["telegram"] = append(all["telegram"], shown{telegramPlace(q.Chat, q.Thread), q.Text})
	}
	for _, q := range p.d.Posts() {
		if !q.Deleted && !q.Loading {
			all["discord"] = append(all["discord"], shown{q.Channel, q.Text})
		}
	}
	for _, q := range p.s.Posts() {
		if !q.Deleted {
			all["slack"] = append(all["slack"], shown{q.Channel + "/" + q.Thread, q.Text})
		}
	}
	return all
}

// A tally is what became of the messages on one platform. What was asked by commands is counted apart where a platform promises less.
type tally struct {
	answered                                       int
	missing, doubled, disordered, strange, excused []string
	twice                                          []string // commands that were answered twice
}

// count looks how the first upTo messages of each chat were answered.
func (p *party) count(upTo int) map[string]*tally {
	all := map[string]*tally{"telegram": {}, "discord": {}, "slack": {}}
	times := make([][]int, len(p.chats))
	last := make([]int, len(p.chats))
	for i := range times {
		times[i], last[i] = make([]int, p.messages), -1
	}
	for platform, answers := range p.shows() {
		t := all[platform]
		for _, a := range answers {
			m := written.FindStringSubmatch(a.text)
			if m == nil {
				t.strange = append(t.strange, a.text)
				continue
			}
			i, n := number(m[1]), number(m[2])
			if i >= len(p.chats) || n >= p.messages || p.chats[i].platform != platform || p.chats[i].at() != a.at {
				t.strange = append(t.strange, a.text+" in "+a.at)
				continue
			}
			// A command's answer stands where the command was told to wait, and not where it was given.
			if times[i][n]++; times[i][n] == 1 && n < last[i] && p.chats[i].uses == nil {
				t.disordered = append(t.disordered, text(i, n))
			}
			last[i] = max(last[i], n)
		}
	}
	for i, c := range p.chats {
		all[c.platform].add(c, i, times[i][:upTo])
	}
	return all
}

func (t *tally) add(c *chat, i int, times []int) {
	for n, k := range times {
		switch {
		case k == 0 && c.uses.refused(text(i, n)):
			t.excused = append(t.excused, text(i, n))
		case k == 0:
			t.missing = append(t.missing, text(i, n))
		default:
			t.answered++
		}
		for range k - 1 {
			if c.uses != nil {
				t.twice = append(t.twice, text(i, n))
			} else {
				t.doubled = append(t.doubled, text(i, n))
			}
		}
	}
}

func (t *tally) String() string {
	return fmt.Sprintf("%d answered, %d missing %v, %d doubled %v, %d out of order %v, %d strange %.300q, %d commands that the platform said had failed, %d commands answered twice",
		t.answered, len(t.missing), some(t.missing), len(t.doubled), some(t.doubled), len(t.disordered), some(t.disordered), len(t.strange), some(t.strange),
		len(t.excused), len(t.twice))
}

// some is the beginning of a list.
func some(all []string) []string { return slices.Clone(all[:min(len(all), 8)]) }

func number(s string) int { n, _ := strconv.Atoi(s); return n }
