package bridgetest

// slackMethod is a method of the Web API as its reference page describes it.
type slackMethod struct {
	do       func(*Slack, *slackCall) *slackAnswer // called with s.mu held
	scopes   []string                              // the token must have one of them
	required []string                              // arguments
	app      bool                                  // for the app-level token
	jsonless bool                                  // takes its arguments as a form only
}

var (
	slackHistoryScopes = []string{"channels:history", "groups:history", "im:history", "mpim:history"}
	slackReadScopes    = []string{"channels:read", "groups:read", "im:read", "mpim:read"}
	slackWriteScopes   = []string{"channels:manage", "groups:write", "im:write", "mpim:write"}
	slackChatWrite     = []string{"chat:write"}
)

// slackMethods is read-only.
var slackMethods = map[string]slackMethod{
	"apps.connections.open": {do: (*Slack).openConnection, app: true},
	"auth.test":             {do: (*Slack).authTest},

	"chat.postMessage":  {do: (*Slack).postMessage, scopes: slackChatWrite, required: []string{"channel"}},
	"chat.update":       {do: (*Slack).updateMessage, scopes: slackChatWrite, required: []string{"channel", "ts"}},
	"chat.delete":       {do: (*Slack).deleteMessage, scopes: slackChatWrite, required: []string{"channel", "ts"}},
	"chat.getPermalink": {do: (*Slack).getPermalink, required: []string{"channel", "message_ts"}, jsonless: true},
	"chat.startStream":  {do: (*Slack).startStream, scopes: slackChatWrite, required: []string{"channel", "thread_ts"}},
	"chat.appendStream": {do: (*Slack).appendStream, scopes: slackChatWrite, required: []string{"channel", "ts"}},
	"chat.stopStream":   {do: (*Slack).stopStream, scopes: slackChatWrite, required: []string{"channel", "ts"}},

	"conversations.history": {do: (*Slack).history, scopes: slackHistoryScopes, required: []string{"channel"}},
	"conversations.replies": {do: (*Slack).replies, scopes: slackHistoryScopes, required: []string{"channel", "ts"}, jsonless: true},
	"conversations.info":    {do: (*Slack).conversationInfo, scopes: slackReadScopes, required: []string{"channel"}, jsonless: true},
	"conversations.list":    {do: (*Slack).listConversations, scopes: slackReadScopes, jsonless: true},
	"conversations.open":    {do: (*Slack).openConversation, scopes: slackWriteScopes},
	"users.conversations":   {do: (*Slack).userConversations, scopes: slackReadScopes, jsonless: true},
	"users.info":            {do: (*Slack).userInfo, scopes: []string{"users:read"}, required: []string{"user"}, jsonless: true},
	"usergroups.list":       {do: (*Slack).listGroups, scopes: []string{"usergroups:read"}, jsonless: true},
	"bots.info":             {do: (*Slack).botInfo, scopes: []string{"users:read"}, jsonless: true},

	"files.getUploadURLExternal":   {do: (*Slack).uploadURL, scopes: []string{"files:write"}, required: []string{"filename", "length"}, jsonless: true},
	"files.completeUploadExternal": {do: (*Slack).completeUpload, scopes: []string{"files:write"}, required: []string{"files"}},
	"files.info":                   {do: (*Slack).fileInfo, scopes: []string{"files:read"}, required: []string{"file"}, jsonless: true},
	"files.delete":                 {do: (*Slack).deleteFile, scopes: []string{"files:write"}, required: []string{"file"}},

	"assistant.threads.setStatus": {do: (*Slack).setStatus, scopes: []string{"chat:write", "assistant:write"},
		required: []string{"channel_id", "thread_ts"}},
	"assistant.threads.setTitle": {do: (*Slack).setTitle, scopes: []string{"assistant:write"},
		required: []string{"channel_id", "thread_ts", "title"}},
	"assistant.threads.setSuggestedPrompts": {do: (*Slack).setPrompts, scopes: []string{"assistant:write"},
		required: []string{"channel_id", "prompts"}},
}

// authTest is the method of that name.
func (s *Slack) authTest(c *slackCall) *slackAnswer {
	a := c.app
	fields := map[string]any{
		"url": "https://" + a.Team.Domain + ".slack.com/", "team": a.Team.Name, "user": a.User.Handle, "team_id": a.Team.ID,
		"user_id": a.User.ID, "bot_id": a.User.BotID, "is_enterprise_install": a.enterprise,
	}
	if a.Team.Enterprise != "" {
		fields["enterprise_id"] = a.Team.Enterprise
	}
	return slackGood(fields)
}

// getPermalink is the method of that name.
func (s *Slack) getPermalink(c *slackCall) *slackAnswer {
	ch, refused := s.open(c)
	if refused != nil {
		return refused
	}
	ts := c.p.text("message_ts")
	if ch.byTS[ts] == nil {
		return slackFailure("message_not_found")
	}
	return slackGood(map[string]any{"channel": ch.ID, "permalink": s.permalink(ch, ts)})
}

func (s *Slack) permalink(ch *SlackChannel, ts string) string {
	return "https://" + ch.team.Domain + ".slack.com/archives/" + ch.ID + "/p" + ts[:len(ts)-7] + ts[len(ts)-6:]
}
