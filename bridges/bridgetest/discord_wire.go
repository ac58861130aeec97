package bridgetest

import "encoding/json"

// Discord's objects, as far as the simulator speaks of them. All ids are strings.

type dUser struct {
	ID            string  `json:"id"`
	Username      string  `json:"username"`
	Discriminator string  `json:"discriminator"`
	GlobalName    *string `json:"global_name"`
	Avatar        *string `json:"avatar"`
	Bot           bool    `json:"bot,omitempty"`
	System        bool    `json:"system,omitempty"`
	PublicFlags   int     `json:"public_flags"`
}

type dMember struct {
	User        *dUser   `json:"user,omitempty"`
	Nick        *string  `json:"nick"`
	Avatar      *string  `json:"avatar"`
	Roles       []string `json:"roles"`
	JoinedAt    string   `json:"joined_at"`
	Deaf        bool     `json:"deaf"`
	Mute        bool     `json:"mute"`
	Flags       int      `json:"flags"`
	Pending     bool     `json:"pending"`
	Permissions string   `json:"permissions,omitempty"` // in interactions
}

type dRole struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Color       int    `json:"color"`
	Hoist       bool   `json:"hoist"`
	Position    int    `json:"position"`
	Permissions string `json:"permissions"`
	Managed     bool   `json:"managed"`
	Mentionable bool   `json:"mentionable"`
	Flags       int    `json:"flags"`

	Tags *dRoleTags `json:"tags,omitempty"`
}

type dRoleTags struct {
	BotID string `json:"bot_id"`
}

type dOverwrite struct {
	ID    string `json:"id"`
	Type  int    `json:"type"` // 0 role, 1 member
	Allow string `json:"allow"`
	Deny  string `json:"deny"`
}

type dThreadMeta struct {
	Archived    bool   `json:"archived"`
	AutoArchive int    `json:"auto_archive_duration"`
	ArchivedAt  string `json:"archive_timestamp"`
	Locked      bool   `json:"locked"`
	CreatedAt   string `json:"create_timestamp,omitempty"`
}

type dThreadMember struct {
	ID       string `json:"id,omitempty"`
	UserID   string `json:"user_id,omitempty"`
	JoinedAt string `json:"join_timestamp"`
	Flags    int    `json:"flags"`
}

type dChannel struct {
	ID            string         `json:"id"`
	Type          int            `json:"type"`
	GuildID       string         `json:"guild_id,omitempty"`
	Position      *int           `json:"position,omitempty"`
	Overwrites    []dOverwrite   `json:"permission_overwrites,omitempty"`
	Name          string         `json:"name,omitempty"`
	Topic         *string        `json:"topic,omitempty"`
	LastMessageID *string        `json:"last_message_id"`
	RatePerUser   int            `json:"rate_limit_per_user"`
	Recipients    []dUser        `json:"recipients,omitempty"`
	OwnerID       string         `json:"owner_id,omitempty"`
	ParentID      *string        `json:"parent_id,omitempty"`
	MessageCount  *int           `json:"message_count,omitempty"`
	MemberCount   *int           `json:"member_count,omitempty"`
	ThreadMeta    *dThreadMeta   `json:"thread_metadata,omitempty"`
	Member        *dThreadMember `json:"member,omitempty"`
	NewlyCreated  bool           `json:"newly_created,omitempty"` // THREAD_CREATE
	Flags         int            `json:"flags"`
}

type dAttachment struct {
	ID          string   `json:"id"`
	Filename    string   `json:"filename"`
	Title       string   `json:"title,omitempty"`
	Description string   `json:"description,omitempty"`
	ContentType string   `json:"content_type,omitempty"`
	Size        int      `json:"size"`
	URL         string   `json:"url"`
	ProxyURL    string   `json:"proxy_url"`
	Duration    *float64 `json:"duration_secs,omitempty"`
	Waveform    string   `json:"waveform,omitempty"`
	Ephemeral   bool     `json:"ephemeral,omitempty"`
}

type dReference struct {
	Type      int    `json:"type"`
	MessageID string `json:"message_id,omitempty"`
	ChannelID string `json:"channel_id,omitempty"`
	GuildID   string `json:"guild_id,omitempty"`
}

type dInteractionMeta struct {
	ID      string            `json:"id"`
	Type    int               `json:"type"`
	User    dUser             `json:"user"`
	Owners  map[string]string `json:"authorizing_integration_owners"`
	Name    string            `json:"name,omitempty"`
	FirstID string            `json:"original_response_message_id,omitempty"`
}

type dMessage struct {
	ID              string            `json:"id"`
	ChannelID       string            `json:"channel_id"`
	GuildID         string            `json:"guild_id,omitempty"` // in events
	Author          dUser             `json:"author"`
	Member          *dMember          `json:"member,omitempty"` // in events
	Content         string            `json:"content"`
	Timestamp       string            `json:"timestamp"`
	EditedTimestamp *string           `json:"edited_timestamp"`
	TTS             bool              `json:"tts"`
	MentionEveryone bool              `json:"mention_everyone"`
	Mentions        []dUser           `json:"mentions"`
	MentionRoles    []string          `json:"mention_roles"`
	Attachments     []dAttachment     `json:"attachments"`
	Embeds          []json.RawMessage `json:"embeds"`
	Components      []json.RawMessage `json:"components"`
	Nonce           json.RawMessage   `json:"nonce,omitempty"`
	Pinned          bool              `json:"pinned"`
	WebhookID       string            `json:"webhook_id,omitempty"`
	Type            int               `json:"type"`
	ApplicationID   string            `json:"application_id,omitempty"`
	Flags           int               `json:"flags"`
	Reference       *dReference       `json:"message_reference,omitempty"`
	Referenced      json.RawMessage   `json:"referenced_message,omitempty"` // filled when it is shown
	Interaction     *dInteractionMeta `json:"interaction_metadata,omitempty"`
	ChannelType     *int              `json:"channel_type,omitempty"` // in events

	number    uint64 // the id
	ephemeral bool   // shown to the person who called the command only
}

type dGuild struct {
	ID               string            `json:"id"`
	Name             string            `json:"name"`
	Icon             *string           `json:"icon"`
	OwnerID          string            `json:"owner_id"`
	Roles            []dRole           `json:"roles"`
	Emojis           []json.RawMessage `json:"emojis"`
	Stickers         []json.RawMessage `json:"stickers"`
	Features         []string          `json:"features"`
	Locale           string            `json:"preferred_locale"`
	VerificationLvl  int               `json:"verification_level"`
	PremiumTier      int               `json:"premium_tier"`
	NSFWLevel        int               `json:"nsfw_level"`
	MFALevel         int               `json:"mfa_level"`
	SystemChannel    *string           `json:"system_channel_id"`
	AFKTimeout       int               `json:"afk_timeout"`
	DefaultNotifying int               `json:"default_message_notifications"`
}

// dGuildCreate is a guild with what GUILD_CREATE adds.
type dGuildCreate struct {
	dGuild
	JoinedAt    string            `json:"joined_at"`
	Large       bool              `json:"large"`
	Unavailable bool              `json:"unavailable"`
	MemberCount int               `json:"member_count"`
	VoiceStates []json.RawMessage `json:"voice_states"`
	Members     json.RawMessage   `json:"members"`
	Channels    []dChannel        `json:"channels"`
	Threads     []dChannel        `json:"threads"`
	Presences   []json.RawMessage `json:"presences"`
	Stages      []json.RawMessage `json:"stage_instances"`
	Events      []json.RawMessage `json:"guild_scheduled_events"`
	Sounds      []json.RawMessage `json:"soundboard_sounds"`
}

type dUnavailableGuild struct {
	ID          string `json:"id"`
	Unavailable bool   `json:"unavailable"`
}

// noObjects is an empty list of whatever the simulator does not know.
var noObjects = []json.RawMessage{}
