package bridgetest

import (
	"fmt"
	"slices"
	"strings"
)

// SlackTeam is a workspace, of an enterprise when Enterprise is set.
type SlackTeam struct {
	ID         string // "T…"
	Name       string
	Domain     string
	Enterprise string // "E…", "" for none
}

// AddTeam makes a workspace. enterprise is the id of its enterprise ("E…"), "" for none.
func (s *Slack) AddTeam(name, enterprise string) *SlackTeam {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &SlackTeam{ID: s.id("T"), Name: name, Domain: strings.ToLower(strings.ReplaceAll(name, " ", "-")), Enterprise: enterprise}
	s.teams[t.ID] = t
	return t
}

// id makes an id with the prefix; needs s.mu.
func (s *Slack) id(prefix string) string {
	s.nextID++
	n, text := s.nextID, make([]byte, 8)
	for i := len(text) - 1; i >= 0; i-- {
		text[i] = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"[n%34]
		n /= 34
	}
	return prefix + "0" + string(text)
}

// SlackUser is a person, or with Bot set the user of an app. What they are besides their id may be set before they write.
type SlackUser struct {
	ID      string // "U…"
	Handle  string // user name
	Name    string // display name
	Team    *SlackTeam
	Locale  string // "en-US"
	Guest   bool   // a multi-channel guest (is_restricted)
	OneRoom bool   // a single-channel guest (is_restricted and is_ultra_restricted)
	Deleted bool
	Bot     bool
	BotID   string // of a bot: "B…"

	app *SlackApp // whose bot it is, nil for people and bots that only write
}

// AddUser makes a person of a workspace.
func (s *Slack) AddUser(team *SlackTeam, name string) *SlackUser {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addUser(team, name)
}

func (s *Slack) addUser(team *SlackTeam, name string) *SlackUser {
	u := &SlackUser{ID: s.id("U"), Handle: strings.ToLower(strings.ReplaceAll(name, " ", ".")), Name: name, Team: team, Locale: "en-US"}
	s.users[u.ID] = u
	return u
}

// AddBot makes the bot of another app, which only writes.
func (s *Slack) AddBot(team *SlackTeam, name string) *SlackUser {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.addUser(team, name)
	u.Bot, u.BotID = true, s.id("B")
	return u
}

// Mention is how the user is named in a text so that they are pinged.
func (u *SlackUser) Mention() string { return "<@" + u.ID + ">" }

// SlackAppOptions describe an app. What is empty is made up; nil scopes and events mean all that the simulator knows.
type SlackAppOptions struct {
	Name   string
	Scopes []string
	Events []string // the events that the app subscribes to, messages as "message.im"
	// Enterprise installs the app on the whole enterprise of its team: events carry is_enterprise_install.
	Enterprise bool
	// External says that the app is distributed outside of the Marketplace: its history calls are cut to one a minute and 15 messages.
	External bool
}

// SlackApp is an app that is installed in a workspace.
type SlackApp struct {
	ID            string // "A…"
	Name          string
	Team          *SlackTeam
	User          *SlackUser // its bot user
	BotToken      string
	AppToken      string
	SigningSecret string

	scopes     []string
	events     []string
	enterprise bool
	external   bool
	tokenError string // what every call with the bot token gets, "" for none
	appError   string

	// guarded by slackOutbox.mu
	requestURL string // events go there when it is set, else to the sockets
	socketMode bool
}

// AllSlackScopes are the scopes of which the simulator's methods and events need some.
func AllSlackScopes() []string {
	return []string{"app_mentions:read", "assistant:write", "channels:history", "channels:read", "chat:write", "commands", "files:read",
		"files:write", "groups:history", "groups:read", "im:history", "im:read", "im:write", "mpim:history", "mpim:read", "mpim:write", "usergroups:read",
		"users:read"}
}

// AllSlackEvents are the events that the simulator sends.
func AllSlackEvents() []string {
	return []string{"app_mention", "app_uninstalled", "assistant_thread_context_changed", "assistant_thread_started", "member_joined_channel",
		"message.channels", "message.groups", "message.im", "message.mpim", "tokens_revoked"}
}

// AddApp installs an app in a workspace, with Socket Mode on.
func (s *Slack) AddApp(team *SlackTeam, o SlackAppOptions) *SlackApp {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.Name == "" {
		o.Name = "Luna"
	}
	if o.Scopes == nil {
		o.Scopes = AllSlackScopes()
	}
	if o.Events == nil {
		o.Events = AllSlackEvents()
	}
	u := s.addUser(team, o.Name)
	u.Bot, u.BotID = true, s.id("B")
	a := &SlackApp{
		ID: s.id("A"), Name: o.Name, Team: team, User: u, scopes: slices.Clone(o.Scopes), events: slices.Clone(o.Events),
		BotToken:      fmt.Sprintf("xoxb-%s-%s", randomText(12), randomText(24)),
		AppToken:      fmt.Sprintf("xapp-1-%s-%s", randomText(12), randomText(48)),
		SigningSecret: strings.ToLower(randomText(32)),
		enterprise:    o.Enterprise, external: o.External, socketMode: true,
	}
	u.app = a
	s.apps[a.ID] = a
	return a
}

// SetScopes changes what the app may do, as an installation with other scopes does.
func (s *Slack) SetScopes(a *SlackApp, scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.scopes = slices.Clone(scopes)
}

// SetEvents changes which events the app gets.
func (s *Slack) SetEvents(a *SlackApp, events ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.events = slices.Clone(events)
}

// RefuseToken makes every call with the bot token fail with an error: "token_revoked", "account_inactive", "invalid_auth"; "" ends it.
// Sockets stay open.
func (s *Slack) RefuseToken(a *SlackApp, slackError string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.tokenError = slackError
}

// RefuseAppToken does the same for the app-level token.
func (s *Slack) RefuseAppToken(a *SlackApp, slackError string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.appError = slackError
}

// Uninstall removes the app from its workspace: app_uninstalled and tokens_revoked are sent, calls get account_inactive.
func (s *Slack) Uninstall(a *SlackApp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.tokenError = "account_inactive"
	s.dispatch(a, slackHeard{event: "app_uninstalled", inner: map[string]any{"type": "app_uninstalled"}})
	s.tokensRevoked(a)
}

// RevokeTokens revokes the bot token: tokens_revoked is sent, calls get token_revoked.
func (s *Slack) RevokeTokens(a *SlackApp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.tokenError = "token_revoked"
	s.tokensRevoked(a)
}

func (s *Slack) tokensRevoked(a *SlackApp) {
	s.dispatch(a, slackHeard{event: "tokens_revoked", inner: map[string]any{
		"type": "tokens_revoked", "tokens": map[string]any{"oauth": []string{}, "bot": []string{a.User.ID}}}})
}

// hasAny says that the app has one of the scopes; an empty list needs none.
func (a *SlackApp) hasAny(scopes ...string) bool {
	return len(scopes) == 0 || slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(a.scopes, s) })
}
