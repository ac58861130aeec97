package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// A party is the program with a bridge to each platform, all simulated, and one avatar behind them.
type party struct {
	*rig
	ctx      context.Context
	messages int          // that each person writes
	sessions atomic.Int64 // that were begun or gone on with at Discord's gateway

	d       *bridgetest.Discord
	member  *bridgetest.DiscordBot
	guild   *bridgetest.DiscordGuild
	s       *bridgetest.Slack
	app     *bridgetest.SlackApp
	chats   []*chat
	guests  []*visitor // of the chat page
	crowd   *crowd
	leave   func()
	reached func(platform string, step bridgetest.StepName) // guarded by mu; told of the steps of posting; may be nil
	perKind int                                             // people who share a room
}

// A gathering is how many people write on each platform, how much, and how long all of it may take.
type gathering struct {
	people, messages int
	within           time.Duration
	retries          int           // times that Slack sends an event again
	pause            time.Duration // before each
}

// gatheringSize is the gathering that the tests run with: AVATARBRIDGE_TEST_LOAD=full is the one that the README speaks of.
func gatheringSize(messages int) gathering {
	if os.Getenv("AVATARBRIDGE_TEST_LOAD") == "full" {
		return gathering{500, messages, 8 * time.Minute, 5000, 200 * time.Millisecond}
	}
	return gathering{25, messages, 2 * time.Minute, 5000, 200 * time.Millisecond}
}

// newParty starts the simulators, writes the configuration and lets the people come. The program does not run yet.
func newParty(t *testing.T, size gathering) *party {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), size.within)
	t.Cleanup(cancel)
	p := &party{rig: newRig(t, setup{bridge: `rooms = "all"`}), ctx: ctx, messages: size.messages, perKind: 10}
	p.d = bridgetest.NewDiscord(t, bridgetest.DiscordOptions{IdentifyEvery: -1, SessionStarts: 100_000, Heartbeat: time.Second})
	p.member = p.d.AddBot(bridgetest.DiscordBotOptions{})
	p.guild = p.d.AddGuild("Guild", p.member)
	var err error
	// Sent again soon, and for as long as a test takes: Slack's own pauses are minutes.
	p.s, err = bridgetest.NewSlack(bridgetest.SlackOptions{
		InOrder: true, AckWithin: 3 * time.Second, Retries: slices.Repeat([]time.Duration{size.pause}, size.retries),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.s.Close)
	p.app = p.s.AddApp(p.s.AddTeam("Workspace", ""), bridgetest.SlackAppOptions{})
	p.configure()
	t.Cleanup(p.kill) // before the simulators end
	t.Cleanup(p.noSecrets)
	p.watch()
	p.inviteTelegram(size.people)
	p.inviteDiscord(size.people)
	p.inviteSlack(size.people)
	return p
}

// watch counts sessions, and tells what is posted to who wants to know.
func (p *party) watch() {
	tell := func(platform string, step bridgetest.StepName) {
		p.mu.Lock()
		reached := p.reached
		p.mu.Unlock()
		if reached != nil {
			reached(platform, step)
		}
	}
	p.telegram.OnStep(func(s bridgetest.Step) { tell("telegram", s.Name) })
	p.s.OnStep(func(s bridgetest.SlackStep) { tell("slack", s.Name) })
	p.d.OnStep(func(s bridgetest.DiscordStep) {
		if s.Name == bridgetest.DiscordEventSent && (s.Event == "READY" || s.Event == "RESUMED") {
			p.sessions.Add(1)
		}
		tell("discord", s.Name)
	})
}

// configure adds the other bridges to the rig's configuration.
func (p *party) configure() {
	p.t.Helper()
	path := filepath.Join(p.dir, "config.toml")
	config, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	writeFile(p.t, p.dir, "config.toml", string(config)+fmt.Sprintf(`
[bridges.dc]
platform = "discord"
token = %q
api_url = %q
avatar = "luna"
rooms = "all"
[bridges.sl]
platform = "slack"
bot_token = %q
app_token = %q
api_url = %q
avatar = "luna"
rooms = "all"
[bridges.site]
platform = "web"
avatar = "luna"
per_address = "off"
max_per_visitor = 1000
max_per_address = 0
`, p.member.Token, p.d.URL(), p.app.BotToken, p.app.AppToken, p.s.URL()))
}

// begin starts the program and waits until all bridges are connected and Discord knows the commands.
func (p *party) begin() {
	p.t.Helper()
	p.start()
	p.ready()
	if err := p.d.WaitFor(p.ctx, func() bool { return len(p.d.Commands(p.member)) > 0 }); err != nil {
		p.t.Fatalf("no commands on Discord: %v; the log ends with\n%s", err, tail(p.logged()))
	}
}

// welcome lets as many visitors as there are people on any other platform come to the chat page.
func (p *party) welcome(people int) {
	p.t.Helper()
	p.crowd = newCrowd(p.t, people*p.messages, 50*time.Millisecond)
	p.guests, p.leave = p.crowd.gather(p.ctx, p.t, people, len(p.chats), "http://"+p.public+"/chat/site")
}

// await waits until what the simulators tell is so.
func (p *party) await(what string, done func() bool) bool {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-p.ctx.Done():
			p.t.Errorf("waited in vain for %s; the log ends with\n%s", what, tail(p.logged()))
			return false
		}
	}
	return true
}

// inFlight counts, for each bridge's platform, the posts that are marked as being sent in the database of a program that is dead.
func (p *party) inFlight() map[string]int {
	p.t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(p.dir, "a.db"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT name.text FROM post JOIN name ON name.id = post.account WHERE state = 0 AND sending = 1")
	if err != nil {
		p.t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]int{}
	for rows.Next() {
		var account string
		if err := rows.Scan(&account); err != nil {
			p.t.Fatal(err)
		}
		platform, _, _ := strings.Cut(account, ":")
		all[platform]++
	}
	if err := rows.Err(); err != nil {
		p.t.Fatal(err)
	}
	for platform, n := range all {
		if n > maxInFlight {
			p.t.Errorf("%d posts to %s are marked as being sent, more than the %d that may be", n, platform, maxInFlight)
		}
	}
	return all
}

// noSecrets checks the log.
func (p *party) noSecrets() {
	for _, secret := range []string{p.member.Token, p.app.BotToken, p.app.AppToken, p.bot.Token, "ticket=", "/commands/", "aW50ZXJhY3Rpb246"} {
		if strings.Contains(p.logged(), secret) {
			p.t.Errorf("%.10q… is in the log", secret)
		}
	}
	if written.MatchString(p.logged()) {
		p.t.Errorf("a message is in the log: %q", written.FindString(p.logged()))
	}
}
