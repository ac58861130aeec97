package bridgetest

import "slices"

// SlackChannel is a conversation of any kind.
type SlackChannel struct {
	ID   string // "C…", of a direct message "D…"
	Name string

	kind     string // as events name it: channel, group, im, mpim
	team     *SlackTeam
	person   *SlackUser // im
	app      *SlackApp  // im: whose bot it is with
	members  map[string]bool
	teams    []*SlackTeam // more workspaces that share it (Slack Connect)
	archived bool
	readOnly bool
	messages []*slackMessage // by ts
	byTS     map[string]*slackMessage
}

// AddChannel makes a public channel.
func (s *Slack) AddChannel(team *SlackTeam, name string, members ...*SlackUser) *SlackChannel {
	return s.addChannel(team, "channel", name, members)
}

// AddPrivate makes a private channel ("group").
func (s *Slack) AddPrivate(team *SlackTeam, name string, members ...*SlackUser) *SlackChannel {
	return s.addChannel(team, "group", name, members)
}

// AddGroupChat makes a group direct message ("mpim").
func (s *Slack) AddGroupChat(team *SlackTeam, members ...*SlackUser) *SlackChannel {
	name := "mpdm"
	for _, u := range members {
		name += "-" + u.Handle
	}
	return s.addChannel(team, "mpim", name, members)
}

func (s *Slack) addChannel(team *SlackTeam, kind, name string, members []*SlackUser) *SlackChannel {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.newChannel("C", kind, team)
	c.Name = name
	for _, u := range members {
		c.members[u.ID] = true
	}
	return c
}

// newChannel needs s.mu.
func (s *Slack) newChannel(prefix, kind string, team *SlackTeam) *SlackChannel {
	c := &SlackChannel{ID: s.id(prefix), kind: kind, team: team, members: map[string]bool{}, byTS: map[string]*slackMessage{}}
	s.channels[c.ID] = c
	s.order = append(s.order, c)
	return c
}

// Direct returns the direct messages of a person and an app's bot.
func (s *Slack) Direct(a *SlackApp, u *SlackUser) *SlackChannel {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.direct(a, u)
}

func (s *Slack) direct(a *SlackApp, u *SlackUser) *SlackChannel {
	if c := s.directs[a.ID+u.ID]; c != nil {
		return c
	}
	c := s.newChannel("D", "im", a.Team)
	s.directs[a.ID+u.ID] = c
	c.app, c.person = a, u
	c.members[u.ID], c.members[a.User.ID] = true, true
	return c
}

// Share makes a channel one of Slack Connect, which the other workspaces share.
func (s *Slack) Share(c *SlackChannel, teams ...*SlackTeam) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.teams = append(c.teams, teams...)
}

// Join lets a user join a channel: the apps in it hear channel_join and member_joined_channel.
func (s *Slack) Join(c *SlackChannel, u, inviter *SlackUser) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.members[u.ID] = true
	m := &slackMessage{Type: "message", Subtype: "channel_join", User: u.ID, Text: u.Mention() + " has joined the channel", TS: s.ts(s.clock.now())}
	joined := map[string]any{"type": "member_joined_channel", "user": u.ID, "channel": c.ID, "channel_type": c.ID[:1], "team": u.Team.ID, "event_ts": m.TS}
	if inviter != nil {
		m.Inviter = inviter.ID
		joined["inviter"] = inviter.ID
	}
	c.add(m, s.opt.Remember)
	for _, a := range s.listeners(c) {
		s.dispatch(a, slackHeard{event: "member_joined_channel", channel: c, inner: joined})
		s.dispatch(a, c.heard(c.eventName(), m.event(c)))
	}
}

// Leave takes a user out of a channel, without an event.
func (s *Slack) Leave(c *SlackChannel, u *SlackUser) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(c.members, u.ID)
}

// Archive archives a channel: posting there fails with is_archived.
func (s *Slack) Archive(c *SlackChannel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.archived = true
}

// Restrict lets nobody but administrators post in a channel: apps get restricted_action.
func (s *Slack) Restrict(c *SlackChannel, readOnly bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.readOnly = readOnly
}

// shared says that workspaces of different organisations are in the channel.
func (c *SlackChannel) shared() bool { return len(c.teams) > 0 }

// eventName is the subscription under which the channel's messages come.
func (c *SlackChannel) eventName() string {
	if c.kind == "channel" || c.kind == "group" {
		return "message." + c.kind + "s"
	}
	return "message." + c.kind
}

// scope is the scope of the channel's kind: "channels:history".
func (c *SlackChannel) scope(what string) string {
	if c.kind == "channel" || c.kind == "group" {
		return c.kind + "s:" + what
	}
	return c.kind + ":" + what
}

// listeners are the apps whose bots are in the channel, by id; needs s.mu.
func (s *Slack) listeners(c *SlackChannel) []*SlackApp {
	var list []*SlackApp
	for _, a := range s.apps {
		if c.members[a.User.ID] {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b *SlackApp) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return list
}

// add keeps a message in its place and forgets the oldest over the limit.
func (c *SlackChannel) add(m *slackMessage, remember int) {
	at, _ := slices.BinarySearchFunc(c.messages, m, compareSlackTS)
	c.messages = slices.Insert(c.messages, at, m)
	c.byTS[m.TS] = m
	for remember > 0 && len(c.messages) > remember {
		delete(c.byTS, c.messages[0].TS)
		c.messages[0] = nil
		c.messages = c.messages[1:]
	}
}

// remove takes a message away.
func (c *SlackChannel) remove(m *slackMessage) {
	if at, ok := slices.BinarySearchFunc(c.messages, m, compareSlackTS); ok {
		c.messages = slices.Delete(c.messages, at, at+1)
	}
	delete(c.byTS, m.TS)
}

// thread returns a thread's messages, the parent first; empty when there is none.
func (c *SlackChannel) thread(ts string) []*slackMessage {
	var list []*slackMessage
	for _, m := range c.messages {
		if m.TS == ts || m.ThreadTS == ts {
			list = append(list, m)
		}
	}
	return list
}

func compareSlackTS(a, b *slackMessage) int {
	switch {
	case a.TS < b.TS: // of one length: ten digits, a dot, six digits
		return -1
	case a.TS > b.TS:
		return 1
	}
	return 0
}
