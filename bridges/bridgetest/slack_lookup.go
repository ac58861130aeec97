package bridgetest

import (
	"slices"
	"strings"
)

// wire is a channel as an app sees it; needs s.mu.
func (s *Slack) wireChannel(a *SlackApp, ch *SlackChannel) slackWireChannel {
	w := slackWireChannel{
		ID: ch.ID, Name: ch.Name, NormalName: ch.Name, Created: 1_600_000_000, IsChannel: ch.kind == "channel" || ch.kind == "group",
		IsGroup: ch.kind == "group", IsIM: ch.kind == "im", IsMPIM: ch.kind == "mpim", IsPrivate: ch.kind != "channel",
		IsArchived: ch.archived, IsMember: ch.members[a.User.ID], IsShared: ch.shared(), IsExtShared: ch.shared(), IsReadOnly: ch.readOnly,
		ContextTeam: a.Team.ID,
	}
	if ch.person != nil {
		w.User = ch.person.ID
	}
	for _, t := range ch.teams {
		w.SharedTeams = append(w.SharedTeams, t.ID)
	}
	w.ConnectTeams = w.SharedTeams
	return w
}

// conversationInfo is conversations.info.
func (s *Slack) conversationInfo(c *slackCall) *slackAnswer {
	ch, refused := s.open(c)
	switch {
	case refused != nil:
		return refused
	case !c.app.hasAny(ch.scope("read")):
		return missingSlackScope(c.app, ch.scope("read"))
	}
	w := s.wireChannel(c.app, ch)
	if c.p.truth("include_num_members") {
		n := len(ch.members)
		w.NumMembers = &n
	}
	return slackGood(map[string]any{"channel": w})
}

// kinds reads the types argument: which kinds of channels are asked for.
func (c *slackCall) kinds() (map[string]bool, *slackAnswer) {
	names := map[string]string{"public_channel": "channel", "private_channel": "group", "mpim": "mpim", "im": "im"}
	asked := c.p.text("types")
	if asked == "" {
		asked = "public_channel"
	}
	kinds := map[string]bool{}
	for name := range strings.SplitSeq(asked, ",") {
		kind, ok := names[strings.TrimSpace(name)]
		if !ok {
			return nil, slackFailure("invalid_types")
		}
		if probe := (&SlackChannel{kind: kind}).scope("read"); !c.app.hasAny(probe) {
			return nil, missingSlackScope(c.app, probe)
		}
		kinds[kind] = true
	}
	return kinds, nil
}

// listConversations is conversations.list: what the app can see.
func (s *Slack) listConversations(c *slackCall) *slackAnswer {
	return s.conversations(c, func(ch *SlackChannel) bool {
		return ch.members[c.app.User.ID] || ch.kind == "channel" && s.sees(c.app, ch)
	})
}

// userConversations is users.conversations: where a user, by default the bot, is a member.
func (s *Slack) userConversations(c *slackCall) *slackAnswer {
	user := c.p.text("user")
	if user == "" {
		user = c.app.User.ID
	}
	return s.conversations(c, func(ch *SlackChannel) bool {
		return ch.members[user] && (ch.kind == "channel" || ch.members[c.app.User.ID])
	})
}

func (s *Slack) conversations(c *slackCall, visible func(*SlackChannel) bool) *slackAnswer {
	kinds, refused := c.kinds()
	if refused != nil {
		return refused
	}
	var list []slackWireChannel
	for _, ch := range s.order {
		if kinds[ch.kind] && visible(ch) && !(ch.archived && c.p.truth("exclude_archived")) {
			list = append(list, s.wireChannel(c.app, ch))
		}
	}
	return slackListPage(c, list, "channels", 999)
}

// openConversation is conversations.open for one person, or for a channel that exists.
func (s *Slack) openConversation(c *slackCall) *slackAnswer {
	if id := c.p.text("channel"); id != "" {
		ch, refused := s.open(c)
		if refused != nil {
			return refused
		}
		return slackGood(map[string]any{"no_op": true, "already_open": true, "channel": map[string]any{"id": ch.ID}})
	}
	ids := slices.DeleteFunc(strings.Split(c.p.text("users"), ","), func(id string) bool { return strings.TrimSpace(id) == "" })
	switch {
	case len(ids) == 0:
		return slackFailure("users_list_not_supplied")
	case len(ids) > 8:
		return slackFailure("too_many_users")
	case len(ids) > 1:
		return s.openGroupChat(c, ids)
	case !c.app.hasAny("im:write"):
		return missingSlackScope(c.app, "im:write")
	}
	u := s.users[strings.TrimSpace(ids[0])]
	switch {
	case u == nil || s.stranger(c.app, u):
		return slackFailure("user_not_found")
	case u.Deleted:
		return slackFailure("user_disabled")
	}
	known := s.directs[c.app.ID+u.ID] != nil
	return slackGood(map[string]any{"no_op": known, "already_open": known, "channel": map[string]any{"id": s.direct(c.app, u).ID}})
}

func (s *Slack) openGroupChat(c *slackCall, ids []string) *slackAnswer {
	if !c.app.hasAny("mpim:write") {
		return missingSlackScope(c.app, "mpim:write")
	}
	ch := s.newChannel("C", "mpim", c.app.Team)
	ch.Name, ch.members[c.app.User.ID] = "mpdm", true
	for _, id := range ids {
		u := s.users[strings.TrimSpace(id)]
		if u == nil {
			return slackFailure("user_not_found")
		}
		ch.members[u.ID] = true
	}
	return slackGood(map[string]any{"channel": map[string]any{"id": ch.ID}})
}

// stranger says that a user is of another organisation and in no channel with the app.
func (s *Slack) stranger(a *SlackApp, u *SlackUser) bool {
	if u.Team == a.Team || a.Team.Enterprise != "" && u.Team.Enterprise == a.Team.Enterprise {
		return false
	}
	for _, ch := range s.order {
		if ch.members[u.ID] && ch.members[a.User.ID] {
			return false
		}
	}
	return true
}

// userInfo is users.info.
func (s *Slack) userInfo(c *slackCall) *slackAnswer {
	u := s.users[c.p.text("user")]
	if u == nil {
		return slackFailure("user_not_found")
	}
	w := slackWireUser{
		ID: u.ID, TeamID: u.Team.ID, Name: u.Handle, Deleted: u.Deleted, RealName: u.Name, Restricted: u.Guest || u.OneRoom, Ultra: u.OneRoom,
		Bot: u.Bot, Stranger: s.stranger(c.app, u),
		Profile: slackWireProfile{RealName: u.Name, DisplayName: u.Name, BotID: u.BotID, Team: u.Team.ID},
	}
	if u.app != nil {
		w.Profile.AppID = u.app.ID
	}
	if c.p.truth("include_locale") {
		w.Locale = u.Locale
	}
	if u.Team.Enterprise != "" {
		w.Enterprise = &slackWireOrg{ID: u.ID, EnterpriseID: u.Team.Enterprise, EnterpriseName: "Org " + u.Team.Enterprise, Teams: []string{u.Team.ID}}
	}
	return slackGood(map[string]any{"user": w})
}

// botInfo is bots.info.
func (s *Slack) botInfo(c *slackCall) *slackAnswer {
	for _, u := range s.users {
		if u.BotID == "" || u.BotID != c.p.text("bot") {
			continue
		}
		bot := map[string]any{"id": u.BotID, "deleted": u.Deleted, "name": u.Name, "updated": 1_600_000_000, "user_id": u.ID, "app_id": ""}
		if u.app != nil {
			bot["app_id"] = u.app.ID
		}
		return slackGood(map[string]any{"bot": bot})
	}
	return slackFailure("bot_not_found")
}
