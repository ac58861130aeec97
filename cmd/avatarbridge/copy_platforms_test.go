package main

import (
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/bridgetest"
)

// A witness knows what the program has promised to have: to Telegram and Slack with acknowledgements, to Voximplant with answers 2xx, and to the
// people on Discord, where nothing is acknowledged, by saying something to them.
type witness struct {
	*party
	vox      *avatartest.Voximplant
	channels []string          // of each chat
	keys     map[string]string // of what was written, by text
	texts    map[string]string // of what was sent to the program, by "update 1" or an event's id of Slack
	acked    []string          // guarded by mu: of those that were acknowledged
}

// newWitness has people write to the program directly on each platform, with an avatar of Voximplant behind all of them.
func newWitness(t *testing.T, people, messages int) *witness {
	t.Helper()
	vox, err := avatartest.NewVoximplant(avatartest.VoximplantConfig{Retries: 1000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(vox.Close)
	w := &witness{
		party: newParty(t, gathering{0, messages, 2 * time.Minute, 5000, 200 * time.Millisecond}), vox: vox,
		keys: map[string]string{}, texts: map[string]string{},
	}
	t.Cleanup(w.kill) // before the service ends
	config, err := os.ReadFile(filepath.Join(w.dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, w.dir, "config.toml", strings.ReplaceAll(string(config), `avatar = "luna"`, `avatar = "concierge"`)+overREST(vox))
	for i := range people {
		name := fmt.Sprint("Person ", i)
		w.onTelegram(w.telegram.AddUser(name))
		w.onDiscord(w.d.AddUser(name))
		w.onSlack(w.s.AddUser(w.app.Team, name))
	}
	w.telegram.OnStep(func(s bridgetest.Step) {
		if s.Name == bridgetest.OffsetConfirmed {
			for _, u := range s.Updates {
				w.note(fmt.Sprint("update ", u))
			}
		}
	})
	w.s.OnStep(func(s bridgetest.SlackStep) {
		if s.Name == bridgetest.SlackEventAcked {
			w.note(s.Event)
		}
	})
	return w
}

func (w *witness) note(event string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked = append(w.acked, event)
}

func (w *witness) onTelegram(u *bridgetest.User) {
	c := w.telegram.Direct(u, w.bot)
	w.channels = append(w.channels, fmt.Sprint(c.ID))
	w.add("telegram", func(text string) {
		x := w.telegram.Write(bridgetest.Line{Chat: c, From: u, Text: text})
		w.keys[text] = fmt.Sprintf("%d/%d", c.ID, x.Message)
		w.texts[fmt.Sprint("update ", x.Update(w.bot))] = text
	}, fixed(telegramPlace(c.ID, 0)), nil)
}

func (w *witness) onDiscord(u *bridgetest.DiscordUser) {
	c := w.d.DM(u, w.member)
	w.channels = append(w.channels, c.ID)
	w.add("discord", func(text string) {
		w.keys[text] = w.d.Say(bridgetest.DiscordLine{Channel: c, From: u, Text: text})
	}, fixed(c.ID), nil)
}

func (w *witness) onSlack(u *bridgetest.SlackUser) {
	c := w.s.Direct(w.app, u)
	w.channels = append(w.channels, c.ID)
	w.add("slack", func(text string) {
		x := w.s.Write(bridgetest.SlackLine{Channel: c, From: u, Text: text})
		w.keys[text] = c.ID + "/" + x.TS
		for _, event := range x.Events {
			w.texts[event] = text
		}
	}, fixed(c.ID+"/"), nil)
}

// A promise is what the program must have.
type promise struct {
	texts   map[string][]string        // by platform
	replies map[string]map[string]bool // by channel
}

// promised is all that it must have now.
func (w *witness) promised() promise {
	p := promise{texts: map[string][]string{}, replies: map[string]map[string]bool{}}
	w.mu.Lock()
	for _, event := range w.acked {
		if text := w.texts[event]; text != "" {
			platform := "slack"
			if strings.HasPrefix(event, "update ") {
				platform = "telegram"
			}
			p.texts[platform] = append(p.texts[platform], text)
		}
	}
	w.mu.Unlock()
	for _, q := range w.d.Posts() {
		p.texts["discord"] = append(p.texts["discord"], written.FindString(q.Text))
	}
	for _, q := range w.vox.Posts() {
		var i, n int
		if _, err := fmt.Sscanf(written.FindString(q.Response), "m%d.%d.", &i, &n); q.Status/100 != 2 || err != nil {
			continue
		}
		at := w.channels[i]
		if p.replies[at] == nil {
			p.replies[at] = map[string]bool{}
		}
		p.replies[at][q.Response] = true
	}
	return p
}

// sizes is how much is promised, by whom it was asked for.
func (p promise) sizes() map[string]int {
	all := map[string]int{}
	for platform, texts := range p.texts {
		all[platform] = len(texts)
	}
	for _, replies := range p.replies {
		all["voximplant"] += len(replies)
	}
	return all
}

// repliesQuery knows the store's schema, as keysQuery does. Nothing else is posted than what the avatar says.
const repliesQuery = "SELECT channel, count(*) FROM post JOIN conversation c ON c.id = post.conversation GROUP BY channel"

func storedReplies(t *testing.T, file string) map[string]int {
	t.Helper()
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(repliesQuery)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]int{}
	for rows.Next() {
		var channel string
		var n int
		if err := rows.Scan(&channel, &n); err != nil {
			t.Fatal(err)
		}
		all[channel] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// holds checks that a copy holds what was promised.
func (w *witness) holds(copied string, p promise) {
	w.t.Helper()
	stored, replies := storedKeys(w.t, copied), storedReplies(w.t, copied)
	for platform, texts := range p.texts {
		for _, text := range texts {
			if key := w.keys[text]; key == "" || !stored[key] {
				w.t.Errorf("%s: %s of %s is not in it, and was promised to be", copied, text, platform)
			}
		}
	}
	for channel, said := range p.replies {
		if replies[channel] < len(said) {
			w.t.Errorf("%s: %d of the replies %v", copied, replies[channel], slices.Collect(maps.Keys(said)))
		}
	}
}

// TestACopyOfTheFilesWithAllPlatformsAtWorkHoldsAllThatWasAcknowledged is the other test of copies with all platforms and an avatar whose replies
// come in requests of their own.
func TestACopyOfTheFilesWithAllPlatformsAtWorkHoldsAllThatWasAcknowledged(t *testing.T) {
	const people, messages = 6, 5
	w := newWitness(t, people, messages)
	w.begin()
	more, last := map[string]int{}, map[string]int{} // copies that held more than the one before
	for n := range messages {
		for i := range people {
			for at := range posting {
				w.chats[i*len(posting)+at].say(text(i*len(posting)+at, n))
			}
			thaw := w.freeze()
			p := w.promised()
			copied := w.copyFiles(filepath.Join(w.dir, fmt.Sprintf("copy-%d-%d", n, i)), (n+i)%2 == 0)
			thaw()
			w.holds(copied, p)
			for who, size := range p.sizes() {
				if size > last[who] {
					more[who]++
				}
				last[who] = size
			}
			if err := os.RemoveAll(filepath.Dir(copied)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, who := range append(slices.Clone(posting), "voximplant") {
		if more[who] < 5 {
			t.Errorf("only %d copies held more for %s than the one before: nothing was tested", more[who], who)
		}
	}
	w.await("answers after the copies", func() bool { return w.complete(messages, posting...) })
	w.rig.await("nothing to wait", w.quiet)
	w.report("copies", 0)
	w.kill()
	end := filepath.Join(w.dir, "a.db")
	w.holds(end, w.promised())
	for channel, n := range storedReplies(t, end) {
		if n != messages {
			t.Errorf("%d replies are stored for %s, want %d: what was counted is not what the avatar said", n, channel, messages)
		}
	}
}
