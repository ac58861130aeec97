package bridgetest

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// SlackPost is a message that an app has posted, in whichever way.
type SlackPost struct {
	App       *SlackApp
	Channel   string
	Thread    string // "" outside of threads
	TS        string // "" for what is shown to one person only
	Via       string // the method, "response_url", or "ack" for what came with an acknowledgement
	Text      string // as people read it: of the blocks when there are any, else the text; markup stays
	Raw       string // the text as it was sent
	Markdown  string // what the markdown blocks or the stream say, as it was sent
	Blocks    json.RawMessage
	Metadata  *SlackMetadata
	Pings     []string // user ids, "channel", "here", "everyone", "group", "subteam": who was pinged, also by what was edited away later
	Files     []SentFile
	Broadcast bool   // a reply that was sent to the channel too
	Ephemeral string // the only user id that sees it, "" for all
	Unfurl    string // unfurl_links and unfurl_media as they were sent: "false,false"
	Plain     bool   // mrkdwn was switched off
	Streaming bool   // it still grows
	Edits     int
	Deleted   bool
	At        time.Time
}

// SlackMetadata is a message's metadata.
type SlackMetadata struct {
	Type    string
	Payload json.RawMessage
}

func (m *slackMetadata) log() *SlackMetadata {
	if m == nil {
		return nil
	}
	return &SlackMetadata{Type: m.EventType, Payload: m.EventPayload}
}

// SlackRequest is a call of the Web API.
type SlackRequest struct {
	Method  string
	Args    map[string]string // without the token
	JSON    bool              // the arguments came as JSON
	Channel string
	At      time.Time
	Done    bool   // it was processed, whether or not the client heard the answer
	Error   string // of the answer, "" for success
}

// slackLog remembers what apps did. It has a lock of its own, so that looking does not hold up the server.
type slackLog struct {
	watched
	remember int
	posts    []*SlackPost
	inPlace  map[slackPlace][]int // positions in posts, of a channel and of each thread in it
	byTS     map[slackPlace]*SlackPost
	requests []*SlackRequest
	calls    map[string]int
	statuses []SlackStatus
	prompts  []SlackPrompts
}

type slackPlace struct{ channel, ts string }

func (l *slackLog) init(remember int) {
	l.remember, l.inPlace, l.byTS, l.calls = remember, map[slackPlace][]int{}, map[slackPlace]*SlackPost{}, map[string]int{}
}

func (l *slackLog) add(p *SlackPost) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inPlace[slackPlace{p.Channel, ""}] = append(l.inPlace[slackPlace{p.Channel, ""}], len(l.posts))
	if p.Thread != "" {
		at := slackPlace{p.Channel, p.Thread}
		l.inPlace[at] = append(l.inPlace[at], len(l.posts))
	}
	l.posts = append(l.posts, p)
	if p.TS != "" {
		l.byTS[slackPlace{p.Channel, p.TS}] = p
	}
	l.tell()
}

// change has f change a post, if there is one.
func (l *slackLog) change(channel, ts string, f func(*SlackPost)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.byTS[slackPlace{channel, ts}]; p != nil {
		f(p)
	}
	l.tell()
}

func (l *slackLog) addStatus(st SlackStatus) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.statuses = append(l.statuses, st)
	l.tell()
}

func (l *slackLog) addPrompts(p SlackPrompts) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.prompts = append(l.prompts, p)
	l.tell()
}

func (l *slackLog) request(c *slackCall, now time.Time) *SlackRequest {
	r := &SlackRequest{Method: c.method, Args: maps.Clone(c.p.values), JSON: isSlackJSON(c.r), Channel: c.channel(), At: now}
	delete(r.Args, "token")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls[r.Method]++
	l.requests = append(l.requests, r)
	if l.remember > 0 && len(l.requests) > l.remember {
		l.requests[0] = nil
		l.requests = l.requests[1:]
	}
	l.tell()
	return r
}

func (l *slackLog) answered(r *SlackRequest, a *slackAnswer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Done, r.Error = true, a.error
	l.tell()
}

func (p *SlackPost) copy() SlackPost {
	c := *p
	c.Pings, c.Files = slices.Clone(p.Pings), slices.Clone(p.Files)
	return c
}
