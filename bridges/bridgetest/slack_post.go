package bridgetest

import (
	"fmt"
	"time"
)

// ts makes a timestamp for a message of the time, unique and later than those before it if the time is; needs s.mu.
func (s *Slack) ts(at time.Time) string {
	micro := at.UnixMicro()
	if micro <= s.lastTS && s.lastTS-micro < int64(time.Second/time.Microsecond) {
		micro = s.lastTS + 1 // written in the same moment
	}
	s.lastTS = max(s.lastTS, micro)
	return fmt.Sprintf("%010d.%06d", micro/1e6, micro%1e6)
}

// open returns the channel of a call that the app can see, or why not; needs s.mu. A public channel can be seen from outside.
func (s *Slack) open(c *slackCall) (*SlackChannel, *slackAnswer) {
	ch := s.channels[c.channel()]
	if ch == nil || !ch.members[c.app.User.ID] && (ch.kind != "channel" || !s.sees(c.app, ch)) {
		return nil, slackFailure("channel_not_found")
	}
	return ch, nil
}

// sees says that the channel is one of the app's workspace.
func (s *Slack) sees(a *SlackApp, ch *SlackChannel) bool {
	if ch.team == a.Team || a.enterprise && ch.team.Enterprise == a.Team.Enterprise {
		return true
	}
	for _, t := range ch.teams {
		if t == a.Team {
			return true
		}
	}
	return false
}

// writable returns the channel of a call if the app may post there; a user's id stands for their direct messages.
func (s *Slack) writable(c *slackCall) (*SlackChannel, *slackAnswer) {
	if u := s.users[c.channel()]; u != nil {
		if u.Deleted || u.Bot || u.Team != c.app.Team {
			return nil, slackFailure("channel_not_found")
		}
		return s.direct(c.app, u), nil
	}
	ch, refused := s.open(c)
	switch {
	case refused != nil:
		return nil, refused
	case ch.archived:
		return nil, slackFailure("is_archived")
	case !ch.members[c.app.User.ID] && !c.app.hasAny("chat:write.public"):
		return nil, slackFailure("not_in_channel")
	case ch.readOnly:
		return nil, slackFailure("restricted_action")
	}
	return ch, nil
}

// postMessage is the method of that name.
func (s *Slack) postMessage(c *slackCall) *slackAnswer {
	ch, refused := s.writable(c)
	if refused != nil {
		return refused
	}
	got, _, refused := c.content()
	if refused != nil {
		return refused
	}
	got.text = cutSlack(got.text, maxSlackText)
	m := s.botMessage(c.app, got)
	if refused := s.inThread(ch, m, c.thread(), c.p.truth("reply_broadcast")); refused != nil {
		return refused
	}
	post := s.publish(c.app, ch, m, got, c.method)
	post.Unfurl = c.p.values["unfurl_links"] + "," + c.p.values["unfurl_media"]
	post.Plain = c.p.text("mrkdwn") == "false"
	s.log.add(post)
	a := slackGood(map[string]any{"channel": ch.ID, "ts": m.TS, "message": m.copy()})
	a.post = post
	return a
}

// inThread makes the message a reply. A thread that never was is no error: the message stands in the channel then, as Slack does it.
func (s *Slack) inThread(ch *SlackChannel, m *slackMessage, thread string, broadcast bool) *slackAnswer {
	if thread == "" {
		return nil
	}
	parent := ch.byTS[thread]
	switch {
	case parent == nil && (s.opt.Remember == 0 || len(ch.messages) < s.opt.Remember || thread > ch.messages[0].TS):
		return nil
	case parent != nil && parent.ThreadTS != "" && parent.ThreadTS != parent.TS:
		return slackFailure("cannot_reply_to_message") // documented: use the parent's ts, never a reply's
	}
	m.ThreadTS = thread
	if parent == nil { // it is forgotten, for long runs
		return nil
	}
	m.ParentUser = parent.User
	parent.ThreadTS = parent.TS
	parent.ReplyCount++
	parent.LatestReply = m.TS
	parent.reply(m.User)
	if broadcast {
		root := *parent
		m.Subtype, m.Root = "thread_broadcast", &root
	}
	return nil
}

// reply notes who answered in a thread.
func (m *slackMessage) reply(user string) {
	for _, u := range m.ReplyUsers {
		if u == user {
			return
		}
	}
	m.ReplyUsers = append(m.ReplyUsers[:len(m.ReplyUsers):len(m.ReplyUsers)], user)
	m.ReplyUserNum = len(m.ReplyUsers)
}

// publish puts an app's message into a channel, tells the apps there, and returns how the log will know it.
func (s *Slack) publish(a *SlackApp, ch *SlackChannel, m *slackMessage, got *slackContent, via string) *SlackPost {
	ch.add(m, s.opt.Remember)
	s.endStatus(ch.ID, m.ThreadTS)
	s.tell(ch, m, a.User)
	p := &SlackPost{
		App: a, Channel: ch.ID, Thread: m.ThreadTS, TS: m.TS, Via: via, Raw: m.Text, Broadcast: m.Subtype == "thread_broadcast",
		Metadata: got.metadata.log(), Pings: got.pings, Blocks: m.Blocks, At: s.clock.now(),
	}
	s.fill(p, got)
	return p
}
