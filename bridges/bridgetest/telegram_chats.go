package bridgetest

import (
	"strconv"
	"time"
)

// User is a person, or with Bot set an account of another bot, which only writes.
type User struct {
	ID       int64
	Name     string // first name
	LastName string
	Username string // without @, may be empty
	Language string // tag, may be empty
	Bot      bool
}

func (u *User) wire() wireUser {
	return wireUser{ID: u.ID, IsBot: u.Bot, FirstName: u.Name, LastName: u.LastName, Username: u.Username, LanguageCode: u.Language}
}

// AddUser makes a person. What else they are can be set before they write.
func (t *Telegram) AddUser(name string) *User {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.people++
	return &User{ID: t.people, Name: name, Language: "en"}
}

// membership is how a bot stands in a chat.
type membership uint8

const (
	member  membership = iota
	blocked            // by the person of a private chat
	kicked
	admin
)

// Chat is a private chat, a group, a supergroup or a channel.
type Chat struct {
	ID int64

	kind     string // private, group, supergroup, channel
	title    string
	forum    bool
	person   *User // private
	noVoice  bool
	bots     []*Bot
	standing map[*Bot]membership
	topics   map[int]string
	admins   map[int64]bool
	moved    *Chat // the supergroup that a group has become
	lastID   int
	remember int
	messages map[int]*wireMessage
}

// Thread is "" for no topic, else the topic's id as bridges write it.
func Thread(topic int) string {
	if topic == 0 {
		return ""
	}
	return strconv.Itoa(topic)
}

// Channel is the chat's id as bridges write it.
func (c *Chat) Channel() string { return strconv.FormatInt(c.ID, 10) }

func (c *Chat) wire() wireChat {
	w := wireChat{ID: c.ID, Type: c.kind, Title: c.title, IsForum: c.forum}
	if c.person != nil {
		w.FirstName, w.LastName, w.Username = c.person.Name, c.person.LastName, c.person.Username
	}
	return w
}

// Direct returns the private chat of a person and a bot, which exists from then on: the person has started the bot. A person has one
// private chat id for all bots, so that all bots that share it see what is written there only if Line.Bot is left out.
func (t *Telegram) Direct(u *User, b *Bot) *Chat {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.chats[u.ID]
	if c == nil {
		c = t.newChat(u.ID, "private", "", b)
		c.person = u
	} else if _, in := c.standing[b]; !in {
		c.join(b)
	}
	return c
}

// AddGroup makes a basic group.
func (t *Telegram) AddGroup(title string, bots ...*Bot) *Chat {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.groups++
	return t.newChat(-t.groups, "group", title, bots...)
}

// AddSupergroup makes a supergroup without topics.
func (t *Telegram) AddSupergroup(title string, bots ...*Bot) *Chat {
	return t.addSuper("supergroup", title, false, bots)
}

// AddForum makes a supergroup with topics.
func (t *Telegram) AddForum(title string, bots ...*Bot) *Chat {
	return t.addSuper("supergroup", title, true, bots)
}

// AddChannel makes a channel.
func (t *Telegram) AddChannel(title string, bots ...*Bot) *Chat {
	return t.addSuper("channel", title, false, bots)
}

func (t *Telegram) addSuper(kind, title string, forum bool, bots []*Bot) *Chat {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.groups++
	c := t.newChat(-1_000_000_000_000-t.groups, kind, title, bots...)
	c.forum = forum
	return c
}

// newChat needs t.mu.
func (t *Telegram) newChat(id int64, kind, title string, bots ...*Bot) *Chat {
	c := &Chat{ID: id, kind: kind, title: title, remember: t.opt.Remember,
		standing: map[*Bot]membership{}, topics: map[int]string{}, messages: map[int]*wireMessage{}}
	for _, b := range bots {
		c.join(b)
	}
	t.chats[id] = c
	return c
}

func (c *Chat) join(b *Bot) {
	c.bots = append(c.bots, b)
	c.standing[b] = member
}

// AddTopic opens a topic in a forum and returns its id. The bots get the service message.
func (t *Telegram) AddTopic(c *Chat, name string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := &wireMessage{From: anonymousAdmin(), Chat: c.wire(), Date: time.Now().Unix(), IsTopic: true,
		TopicCreated: &wireTopic{Name: name, IconColor: 7322096}}
	c.add(m)
	m.ThreadID = m.MessageID
	c.topics[m.MessageID] = name
	t.deliver(c, "message", m, nil)
	return m.MessageID
}

// CloseTopic deletes a topic: "message thread not found" from then on.
func (t *Telegram) CloseTopic(c *Chat, topic int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(c.topics, topic)
}

// Block makes the person of a private chat block the bot, or the bot be kicked from any other chat.
func (t *Telegram) Block(c *Chat, b *Bot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.standing[b] = kicked; c.kind == "private" {
		c.standing[b] = blocked
	}
}

// Unblock undoes Block.
func (t *Telegram) Unblock(c *Chat, b *Bot) { t.stand(c, b, member) }

// Promote makes the bot an administrator of the chat, who hears everything.
func (t *Telegram) Promote(c *Chat, b *Bot) { t.stand(c, b, admin) }

func (t *Telegram) stand(c *Chat, b *Bot, m membership) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.standing[b] = m
}

// ForbidVoice makes the person of a private chat refuse voice messages.
func (t *Telegram) ForbidVoice(c *Chat) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.noVoice = true
}

// Migrate makes a supergroup of a group and returns it. The bots get both service messages; sending to the group fails from then on.
func (t *Telegram) Migrate(g *Chat) *Chat {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.groups++
	s := t.newChat(-1_000_000_000_000-t.groups, "supergroup", g.title, g.bots...)
	for b, m := range g.standing {
		s.standing[b] = m
	}
	g.moved = s
	now := time.Now().Unix()
	to := &wireMessage{From: anonymousAdmin(), Chat: g.wire(), Date: now, MigrateTo: s.ID}
	g.add(to)
	t.deliver(g, "message", to, nil)
	from := &wireMessage{From: anonymousAdmin(), Chat: s.wire(), Date: now, MigrateFrom: g.ID}
	s.add(from)
	t.deliver(s, "message", from, nil)
	return s
}

// add gives the message its id and keeps it; needs t.mu.
func (c *Chat) add(m *wireMessage) {
	c.lastID++
	m.MessageID = c.lastID
	c.messages[m.MessageID] = m
	if c.remember > 0 {
		delete(c.messages, m.MessageID-c.remember)
	}
}
