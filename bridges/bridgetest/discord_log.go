package bridgetest

import (
	"slices"
	"time"
)

// DiscordVia is how a bot posted a message.
type DiscordVia uint8

// The ways.
const (
	ViaMessage  DiscordVia = iota // in the channel
	ViaResponse                   // as the answer to an interaction
	ViaFollowUp                   // as a later answer to an interaction
)

// DiscordPost is a message that a bot has posted.
type DiscordPost struct {
	Bot         *DiscordBot
	Channel     string
	ID          string
	Via         DiscordVia
	Interaction string // id, of ViaResponse and ViaFollowUp
	Text        string // as people see it now
	Raw         string // as it was sent
	Nonce       string
	ReplyTo     string // message id, "" for none
	Flags       int
	Voice       bool
	Files       []DiscordFile
	Pings       DiscordPings // of the first version: an edit notifies nobody
	At          time.Time
	Edits       int
	Repeats     int // how often an enforced nonce has kept it from being made again
	Deleted     bool
	Loading     bool // a deferred answer that has not come yet
	Ephemeral   bool
}

// DiscordTyping is a typing indicator that a bot has shown, for 10 s.
type DiscordTyping struct {
	Bot     *DiscordBot
	Channel string
	At      time.Time
}

// DiscordRequest is a request that the API got.
type DiscordRequest struct {
	Method    string
	Route     string // "" for one that it does not have
	Channel   string
	Bot       *DiscordBot // nil without a valid token
	At        time.Time
	UserAgent string
	Status    int // 0 when a fault stood in the answer's place
	Error     int // JSON error code
}

// discordLog remembers what bots did. It has a lock of its own, so that looking does not hold up the server.
type discordLog struct {
	watched
	remember  int
	posts     []*DiscordPost
	inChannel map[string][]*DiscordPost
	byID      map[string]*DiscordPost
	typings   []DiscordTyping
	requests  []DiscordRequest
	counts    map[string]int // requests by route
	invalid   int
}

func (l *discordLog) init(remember int) {
	l.remember, l.inChannel, l.byID, l.counts = remember, map[string][]*DiscordPost{}, map[string]*DiscordPost{}, map[string]int{}
}

// add writes a new message down.
func (l *discordLog) add(m *draft, w *dMessage, pings DiscordPings) *DiscordPost {
	p := &DiscordPost{
		Bot: m.bot, Channel: m.channel.ID, ID: w.ID, Via: m.via, Text: w.Content, Raw: m.text(), Nonce: m.body.nonce(), Flags: w.Flags,
		Voice: w.Flags&flagVoice != 0, Pings: pings, At: SnowflakeTime(w.ID), Loading: w.Flags&flagLoading != 0, Ephemeral: w.ephemeral,
	}
	if m.reply != nil {
		p.ReplyTo = m.reply.ID
	}
	if m.call != nil {
		p.Interaction = m.call.ID
	}
	p.Files = loggedFiles(m.files, w.Attachments)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.posts = append(l.posts, p)
	l.inChannel[p.Channel] = append(l.inChannel[p.Channel], p)
	l.byID[p.ID] = p
	l.tell()
	return p
}

// change changes what is known of a post and wakes those who wait.
func (l *discordLog) change(id string, do func(p *DiscordPost)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.byID[id]; p != nil {
		do(p)
	}
	l.tell()
}

// loggedFiles are files as they stand in the log, for the attachments that were made of them.
func loggedFiles(files []storedAttachment, as []dAttachment) (all []DiscordFile) {
	for i, f := range files {
		file := DiscordFile{Name: as[i].Filename, Type: f.mediaType(), Data: f.data, Description: f.about.Description}
		if f.about.Duration != nil {
			file.Duration = *f.about.Duration
		}
		file.Waveform = decodeWave(f.about.Waveform)
		all = append(all, file)
	}
	return all
}

// attached notes files that were put into a message that is there.
func (l *discordLog) attached(id string, files []DiscordFile) {
	l.change(id, func(p *DiscordPost) { p.Files = append(p.Files, files...) })
}

func (l *discordLog) edited(w *dMessage) {
	l.change(w.ID, func(p *DiscordPost) {
		if !p.Loading {
			p.Edits++
		}
		p.Text, p.Flags, p.Loading = w.Content, w.Flags, false
	})
}

func (l *discordLog) deleted(id string) { l.change(id, func(p *DiscordPost) { p.Deleted = true }) }

func (l *discordLog) repeated(id string) { l.change(id, func(p *DiscordPost) { p.Repeats++ }) }

func (l *discordLog) find(id string) *DiscordPost {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byID[id]
}

func (l *discordLog) typing(t DiscordTyping) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.typings = append(l.typings, t)
	l.tell()
}

// request writes down a request with its answer, nil for none.
func (l *discordLog) request(r DiscordRequest, a *discordAnswer) {
	if a != nil {
		r.Status, r.Error = a.status, a.code
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if a != nil && (r.Status == 401 || r.Status == 403 || r.Status == 429 && a.header["X-Ratelimit-Scope"] != "shared") {
		l.invalid++
	}
	l.counts[r.Route]++
	l.requests = append(l.requests, r)
	if over := len(l.requests) - l.remember; l.remember > 0 && over > l.remember/2 {
		l.requests = slices.Clone(l.requests[over:])
	}
	l.tell()
}

// from returns copies of the posts from position n on.
func (l *discordLog) from(n int) []DiscordPost {
	l.mu.Lock()
	defer l.mu.Unlock()
	return copyPosts(l.posts[min(n, len(l.posts)):])
}

func copyPosts(posts []*DiscordPost) []DiscordPost {
	list := make([]DiscordPost, 0, len(posts))
	for _, p := range posts {
		list = append(list, *p)
	}
	return list
}
