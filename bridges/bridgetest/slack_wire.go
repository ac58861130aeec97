package bridgetest

import "encoding/json"

// Slack's objects, as far as the simulator speaks of them.

type slackMessage struct {
	Type         string           `json:"type"`
	Subtype      string           `json:"subtype,omitempty"`
	Hidden       bool             `json:"hidden,omitempty"`
	ClientMsgID  string           `json:"client_msg_id,omitempty"`
	User         string           `json:"user,omitempty"`
	Username     string           `json:"username,omitempty"`
	BotID        string           `json:"bot_id,omitempty"`
	AppID        string           `json:"app_id,omitempty"`
	BotProfile   *slackBotProfile `json:"bot_profile,omitempty"`
	Inviter      string           `json:"inviter,omitempty"`
	Text         string           `json:"text"`
	TS           string           `json:"ts"`
	Team         string           `json:"team,omitempty"`
	UserTeam     string           `json:"user_team,omitempty"`
	SourceTeam   string           `json:"source_team,omitempty"`
	Blocks       json.RawMessage  `json:"blocks,omitempty"`
	Files        []slackWireFile  `json:"files,omitempty"`
	Upload       *bool            `json:"upload,omitempty"`
	Edited       *slackEdited     `json:"edited,omitempty"`
	ThreadTS     string           `json:"thread_ts,omitempty"`
	ParentUser   string           `json:"parent_user_id,omitempty"`
	ReplyCount   int              `json:"reply_count,omitempty"`
	ReplyUsers   []string         `json:"reply_users,omitempty"`
	LatestReply  string           `json:"latest_reply,omitempty"`
	Locked       *bool            `json:"is_locked,omitempty"`
	Metadata     *slackMetadata   `json:"metadata,omitempty"`
	Assistant    *slackAssistant  `json:"assistant_app_thread,omitempty"`
	Root         *slackMessage    `json:"root,omitempty"`
	StreamState  string           `json:"streaming_state,omitempty"`
	ReplyUserNum int              `json:"reply_users_count,omitempty"`
}

type slackBotProfile struct {
	ID      string `json:"id"`
	Deleted bool   `json:"deleted"`
	Name    string `json:"name"`
	Updated int64  `json:"updated"`
	AppID   string `json:"app_id"`
	TeamID  string `json:"team_id"`
}

type slackEdited struct {
	User string `json:"user"`
	TS   string `json:"ts"`
}

type slackMetadata struct {
	EventType    string          `json:"event_type"`
	EventPayload json.RawMessage `json:"event_payload,omitempty"`
}

type slackAssistant struct {
	Title  string `json:"title"`
	Blocks []any  `json:"title_blocks"`
}

// slackEvent is a message as an event tells of it.
type slackEvent struct {
	*slackMessage
	Channel     string        `json:"channel"`
	EventTS     string        `json:"event_ts"`
	ChannelType string        `json:"channel_type,omitempty"`
	DeletedTS   string        `json:"deleted_ts,omitempty"`
	Message     *slackMessage `json:"message,omitempty"`
	Previous    *slackMessage `json:"previous_message,omitempty"`
}

type slackWireFile struct {
	ID         string                                 `json:"id"`
	Created    int64                                  `json:"created"`
	Timestamp  int64                                  `json:"timestamp"`
	Name       string                                 `json:"name"`
	Title      string                                 `json:"title"`
	Mimetype   string                                 `json:"mimetype"`
	Filetype   string                                 `json:"filetype"`
	User       string                                 `json:"user"`
	UserTeam   string                                 `json:"user_team"`
	Mode       string                                 `json:"mode"`
	Size       int64                                  `json:"size"`
	External   bool                                   `json:"is_external"`
	Public     bool                                   `json:"is_public"`
	Private    string                                 `json:"url_private"`
	Download   string                                 `json:"url_private_download"`
	Permalink  string                                 `json:"permalink"`
	FileAccess string                                 `json:"file_access,omitempty"`
	Channels   []string                               `json:"channels,omitempty"`
	Groups     []string                               `json:"groups,omitempty"`
	Directs    []string                               `json:"ims,omitempty"`
	Shares     map[string]map[string][]slackWireShare `json:"shares,omitempty"`
}

type slackWireShare struct {
	TS       string `json:"ts"`
	ThreadTS string `json:"thread_ts,omitempty"`
	TeamID   string `json:"team_id"`
}

type slackWireChannel struct {
	ID           string   `json:"id"`
	Name         string   `json:"name,omitempty"`
	Created      int64    `json:"created"`
	IsChannel    bool     `json:"is_channel"`
	IsGroup      bool     `json:"is_group"`
	IsIM         bool     `json:"is_im"`
	IsMPIM       bool     `json:"is_mpim"`
	IsPrivate    bool     `json:"is_private"`
	IsArchived   bool     `json:"is_archived"`
	IsMember     bool     `json:"is_member"`
	IsShared     bool     `json:"is_shared"`
	IsExtShared  bool     `json:"is_ext_shared"`
	IsOrgShared  bool     `json:"is_org_shared"`
	IsReadOnly   bool     `json:"is_read_only,omitempty"`
	User         string   `json:"user,omitempty"`
	ContextTeam  string   `json:"context_team_id"`
	SharedTeams  []string `json:"shared_team_ids,omitempty"`
	NumMembers   *int     `json:"num_members,omitempty"`
	LastRead     string   `json:"last_read,omitempty"`
	NormalName   string   `json:"name_normalized,omitempty"`
	ConnectTeams []string `json:"connected_team_ids,omitempty"`
}

type slackWireUser struct {
	ID         string           `json:"id"`
	TeamID     string           `json:"team_id"`
	Name       string           `json:"name"`
	Deleted    bool             `json:"deleted"`
	RealName   string           `json:"real_name"`
	Profile    slackWireProfile `json:"profile"`
	Restricted bool             `json:"is_restricted"`
	Ultra      bool             `json:"is_ultra_restricted"`
	Bot        bool             `json:"is_bot"`
	AppUser    bool             `json:"is_app_user"`
	Stranger   bool             `json:"is_stranger,omitempty"`
	Locale     string           `json:"locale,omitempty"`
	Enterprise *slackWireOrg    `json:"enterprise_user,omitempty"`
}

type slackWireProfile struct {
	RealName    string `json:"real_name"`
	DisplayName string `json:"display_name"`
	BotID       string `json:"bot_id,omitempty"`
	AppID       string `json:"api_app_id,omitempty"`
	Team        string `json:"team"`
}

type slackWireOrg struct {
	ID             string   `json:"id"`
	EnterpriseID   string   `json:"enterprise_id"`
	EnterpriseName string   `json:"enterprise_name"`
	Teams          []string `json:"teams"`
}
