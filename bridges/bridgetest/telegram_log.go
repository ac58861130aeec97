package bridgetest

import (
	"context"
	"time"
)

// Post is a message that a bot has posted.
type Post struct {
	Bot     *Bot
	Chat    int64
	Thread  int
	ID      int    // message id
	Kind    string // "text", "voice", "audio", "document", as it is shown
	Text    string // as people see it: the text or the caption
	Raw     string // as it was sent
	Mode    string // parse_mode
	ReplyTo int    // 0 for none
	File    *SentFile
	At      time.Time
	Edits   int
	Deleted bool

	Entities []Entity
}

// Entity is a part of a text that is shown in a special way; positions are in UTF-16 units.
type Entity struct {
	Type           string
	Offset, Length int
	URL            string
	Language       string
}

// Action is a chat action ("typing") that a bot has shown.
type Action struct {
	Bot    *Bot
	Chat   int64
	Thread int
	Action string
	At     time.Time
}

// postLog remembers what bots did. It has a lock of its own, so that looking does not hold up the server.
type postLog struct {
	watched
	posts   []*Post
	inChat  map[int64][]int // positions in posts, so that a message id is its chat's lookup and nothing is scanned
	byID    map[postKey]*Post
	actions []Action
	drafts  []DraftShown
}

type postKey struct {
	chat int64
	id   int
}

func (l *postLog) add(out *outgoing) *Post {
	p := &Post{
		Bot: out.bot, Chat: out.chat.ID, Thread: out.m.ThreadID, ID: out.m.MessageID, Kind: out.kind, Text: out.m.Text + out.m.Caption,
		Raw: out.raw, Mode: out.mode, ReplyTo: out.reply, File: out.file, At: time.Now(),
	}
	p.Entities = shown(append(out.m.Entities, out.m.CaptionEntities...))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byID == nil {
		l.byID = map[postKey]*Post{}
	}
	l.inChat[p.Chat] = append(l.inChat[p.Chat], len(l.posts))
	l.posts = append(l.posts, p)
	l.byID[postKey{p.Chat, p.ID}] = p
	l.tell()
	return p
}

func (l *postLog) addAction(a Action) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.actions = append(l.actions, a)
	l.tell()
}

func (l *postLog) edited(chat int64, id int, text, raw string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.byID[postKey{chat, id}]; p != nil {
		p.Text, p.Raw = text, raw
		p.Edits++
	}
	l.tell()
}

func (l *postLog) deleted(chat int64, id int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.byID[postKey{chat, id}]; p != nil {
		p.Deleted = true
	}
	l.tell()
}

// from returns copies of the posts from position n on.
func (l *postLog) from(n int) []Post {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Post, 0, max(0, len(l.posts)-n))
	for _, p := range l.posts[min(n, len(l.posts)):] {
		list = append(list, *p)
	}
	return list
}

// Posts returns all that bots have posted so far, in order, deleted posts included.
func (t *Telegram) Posts() []Post { return t.log.from(0) }

// PostCount returns how many messages bots have posted so far.
func (t *Telegram) PostCount() int {
	t.log.mu.Lock()
	defer t.log.mu.Unlock()
	return len(t.log.posts)
}

// PostsIn returns what bots have posted in a chat, in order.
func (t *Telegram) PostsIn(c *Chat) []Post {
	t.log.mu.Lock()
	defer t.log.mu.Unlock()
	list := make([]Post, 0, len(t.log.inChat[c.ID]))
	for _, i := range t.log.inChat[c.ID] {
		list = append(list, *t.log.posts[i])
	}
	return list
}

// Actions returns the chat actions that bots have shown in a chat, in order.
func (t *Telegram) Actions(c *Chat) []Action {
	t.log.mu.Lock()
	defer t.log.mu.Unlock()
	var list []Action
	for _, a := range t.log.actions {
		if a.Chat == c.ID {
			list = append(list, a)
		}
	}
	return list
}

// WaitFor returns nil as soon as done returns true. It is called again after each post, edit, deletion, chat action and failed
// webhook delivery, when updates were confirmed, and when a long poll begins to wait. done may call the simulator's methods.
func (t *Telegram) WaitFor(ctx context.Context, done func() bool) error {
	return t.log.wait(ctx, "Telegram simulator", t.ctx.Done(), done)
}

// WaitPosts waits for n posts in all and returns them.
func (t *Telegram) WaitPosts(ctx context.Context, n int) ([]Post, error) {
	err := t.WaitFor(ctx, func() bool { return t.PostCount() >= n })
	return t.Posts(), err
}

// WaitPost returns the first post for which match returns true, which is asked once for each.
func (t *Telegram) WaitPost(ctx context.Context, match func(Post) bool) (Post, error) {
	return awaited(ctx, t.WaitFor, t.log.from, match)
}
