package sqlite

import (
	"time"

	"avatarbridge/store"
)

// seenEvery is how exactly the time is kept at which a person was last seen: a row that is written with each message would double the
// pages of a commit.
const seenEvery = int64(time.Minute / time.Microsecond)

// A person as the caches keep it; never changed in place.
type person struct {
	id   int64
	uid  string
	name string
	seen int64
}

// fresh says whether what is stored of the person still does, when somebody writes with this name ("": any).
func (p *person) fresh(name string, now int64) bool {
	return (name == "" || p.name == name) && now < p.seen+seenEvery
}

// An address finds a conversation: all of a store.Address but Direct, and the person who has it alone.
type address struct {
	account, avatar, channel, thread string
	memory                           store.Memory
	person                           int64
}

// A conversation as the caches keep it; never changed in place.
type conversation struct {
	store.Conversation
	account, avatar int64
	person          int64 // 0: shared
	prefaced        bool
	live            bool // else another one has its address since a move
}

func shared(m store.Memory) bool { return m == store.MemoryRoom || m == store.MemoryThread }

// person returns who wrote, and makes somebody new known.
func (c *core) person(from store.Identity, name string, now int64) (*person, error) {
	p, ok := c.people.get(from)
	if !ok {
		r, err := c.one(`SELECT p.id, p.uid, p.name, p.last_seen FROM identity i JOIN person p ON p.id = i.person
			WHERE i.platform = ? AND i.tenant = ? AND i.user = ?`, from.Platform, from.Tenant, from.User)
		if err != nil {
			return nil, err
		}
		if r == nil {
			return c.newPerson(from, name, now)
		}
		p = &person{id: r.int(0), uid: r.text(1), name: r.text(2), seen: r.int(3)}
		c.keepPerson(from, p)
	}
	if p.fresh(name, now) {
		return p, nil
	}
	if name == "" {
		name = p.name
	}
	n := &person{id: p.id, uid: p.uid, name: name, seen: max(p.seen, now)}
	c.people.remove(from)
	c.keepPerson(from, n)
	_, err := c.exec("UPDATE person SET name = ?, last_seen = ? WHERE id = ?", n.name, n.seen, n.id)
	return n, err
}

func (c *core) newPerson(from store.Identity, name string, now int64) (*person, error) {
	p := &person{uid: c.newID(), name: name, seen: now}
	r, err := c.one("INSERT INTO person (uid, name, first_seen, last_seen) VALUES (?, ?, ?, ?) RETURNING id", p.uid, name, now, now)
	if err != nil {
		return nil, err
	}
	c.writes++
	p.id = r.int(0)
	c.keepPerson(from, p)
	_, err = c.exec("INSERT INTO identity (platform, tenant, user, person) VALUES (?, ?, ?, ?)", from.Platform, from.Tenant, from.User, p.id)
	return p, err
}

func (c *core) keepPerson(from store.Identity, p *person) {
	c.people.put(from, p)
	c.later(func() { c.people.remove(from) })
}

const conversationColumns = "id, uid, generation, account, avatar, channel, thread, memory, person, direct, memory_uid, prefaced, live"

// scanConversation reads conversationColumns.
func (c *core) scanConversation(r row) *conversation {
	return &conversation{
		Conversation: store.Conversation{
			ID: r.int(0), UID: r.text(1), Generation: int(r.int(2)), MemoryUID: r.text(10),
			Address: store.Address{
				Account: c.texts[r.int(3)], Avatar: c.texts[r.int(4)], Channel: r.text(5), Thread: r.text(6),
				Memory: store.Memory(r.text(7)), Direct: r.bool(9),
			},
		},
		account: r.int(3), avatar: r.int(4), person: r.int(8), prefaced: r.bool(11), live: r.bool(12),
	}
}

func (v *conversation) address() address {
	return address{v.Account, v.Avatar, v.Channel, v.Thread, v.Memory, v.person}
}

// addressOf is the address under which the person finds a conversation.
func addressOf(in store.Address, p *person) address {
	a := address{in.Account, in.Avatar, in.Channel, in.Thread, in.Memory, 0}
	if !shared(in.Memory) {
		a.person = p.id
	}
	return a
}

// find returns the live conversation with an address, nil when there is none.
func (c *core) find(in store.Address, p *person) (*conversation, error) {
	a := addressOf(in, p)
	if v, ok := c.conversations.get(a); ok {
		return v, nil
	}
	r, err := c.one("SELECT "+conversationColumns+` FROM conversation WHERE live = 1 AND account = ? AND channel = ? AND thread = ?
		AND avatar = ? AND memory = ? AND person = ?`, c.names[a.account], a.channel, a.thread, c.names[a.avatar], string(a.memory), a.person)
	if r == nil || err != nil {
		return nil, err
	}
	v := c.scanConversation(r)
	c.keepConversation(v)
	return v, nil
}

// conversation finds the conversation with an address or opens it.
func (c *core) conversation(in store.Address, p *person) (*conversation, error) {
	in = c.newest(in)
	v, err := c.find(in, p)
	if v != nil || err != nil {
		return v, err
	}
	v = &conversation{Conversation: store.Conversation{UID: c.newID(), Generation: 1, Address: in}, live: true}
	if v.account, err = c.number(in.Account); err != nil {
		return nil, err
	}
	if v.avatar, err = c.number(in.Avatar); err != nil {
		return nil, err
	}
	if v.MemoryUID, err = c.memory(v.account, in, p); err != nil {
		return nil, err
	}
	if !shared(in.Memory) {
		v.person = p.id
	}
	r, err := c.one(`INSERT INTO conversation (uid, generation, account, avatar, channel, thread, memory, person, direct, memory_uid)
		VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`, v.UID, v.account, v.avatar, in.Channel, in.Thread, string(in.Memory), v.person,
		in.Direct, v.MemoryUID)
	if err != nil {
		return nil, err
	}
	c.writes++
	v.ID = r.int(0)
	c.keepConversation(v)
	return v, nil
}

// memory returns the uid of the memory that a conversation at in has with p.
func (c *core) memory(account int64, in store.Address, p *person) (string, error) {
	var of int64
	thread := ""
	switch in.Memory {
	case store.MemoryMember:
		of = p.id
	case store.MemoryRoom:
	case store.MemoryThread:
		thread = in.Thread
	default:
		return p.uid, nil
	}
	r, err := c.one("SELECT uid FROM memory WHERE account = ? AND channel = ? AND kind = ? AND thread = ? AND person = ?",
		account, in.Channel, string(in.Memory), thread, of)
	if err != nil {
		return "", err
	}
	if r != nil {
		return r.text(0), nil
	}
	uid := c.newID()
	_, err = c.exec("INSERT INTO memory (account, channel, kind, thread, person, uid) VALUES (?, ?, ?, ?, ?, ?)",
		account, in.Channel, string(in.Memory), thread, of, uid)
	return uid, err
}

// conversationOf returns a conversation by its id, nil when it is gone.
func (c *core) conversationOf(id int64) (*conversation, error) {
	if v, ok := c.byID.get(id); ok {
		return v, nil
	}
	r, err := c.one("SELECT "+conversationColumns+" FROM conversation WHERE id = ?", id)
	if r == nil || err != nil {
		return nil, err
	}
	v := c.scanConversation(r)
	c.keepConversation(v)
	return v, nil
}

// keepConversation caches v, by its address only if it is live.
func (c *core) keepConversation(v *conversation) {
	c.byID.put(v.ID, v)
	a := v.address()
	if v.live {
		c.conversations.put(a, v)
	}
	c.later(func() { c.byID.remove(v.ID); c.conversations.remove(a) })
}

// dropConversation takes v out of the caches, because its row is about to change.
func (c *core) dropConversation(v *conversation) {
	c.byID.remove(v.ID)
	c.conversations.remove(v.address())
}

func (c *core) dropCaches() {
	c.people.clear()
	c.conversations.clear()
	c.byID.clear()
}

// renew opens a new generation and returns the conversation as it is now.
func (c *core) renew(v *conversation) (*conversation, error) {
	c.dropConversation(v)
	if _, err := c.exec("UPDATE conversation SET uid = ?, generation = generation + 1 WHERE id = ?", c.newID(), v.ID); err != nil {
		return nil, err
	}
	for _, q := range []string{"DELETE FROM memo WHERE conversation = ?", "DELETE FROM forgotten WHERE conversation = ?"} {
		if _, err := c.exec(q, v.ID); err != nil {
			return nil, err
		}
	}
	return c.conversationOf(v.ID)
}

// preface says whether the conversation has had no preface yet, and marks that it has one now.
func (c *core) preface(v *conversation) (*conversation, bool, error) {
	if v.prefaced {
		return v, false, nil
	}
	c.dropConversation(v)
	if _, err := c.exec("UPDATE conversation SET prefaced = 1 WHERE id = ?", v.ID); err != nil {
		return nil, false, err
	}
	v, err := c.conversationOf(v.ID)
	return v, true, err
}
