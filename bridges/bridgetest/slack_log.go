package bridgetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
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
	mu       sync.Mutex
	remember int
	posts    []*SlackPost
	inPlace  map[slackPlace][]int // positions in posts, of a channel and of each thread in it
	byTS     map[slackPlace]*SlackPost
	requests []*SlackRequest
	calls    map[string]int
	statuses []SlackStatus
	prompts  []SlackPrompts
	changed  chan struct{} // closed at the next change; nil while nobody waits
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

// signal wakes those who wait, for a change outside of the log.
func (l *slackLog) signal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tell()
}

func (l *slackLog) tell() {
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// next is closed at the next change.
func (l *slackLog) next() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.changed
}

// from returns copies of the posts from position n on.
func (l *slackLog) from(n int) []SlackPost {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]SlackPost, 0, max(0, len(l.posts)-n))
	for _, p := range l.posts[min(n, len(l.posts)):] {
		list = append(list, p.copy())
	}
	return list
}

func (p *SlackPost) copy() SlackPost {
	c := *p
	c.Pings, c.Files = slices.Clone(p.Pings), slices.Clone(p.Files)
	return c
}

// Posts returns all that apps have posted so far, in order, deleted posts included.
func (s *Slack) Posts() []SlackPost { return s.log.from(0) }

// PostCount returns how many messages apps have posted so far.
func (s *Slack) PostCount() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return len(s.log.posts)
}

// PostsIn returns what apps have posted in a channel, in order: in a thread of it, or for "" everywhere in it.
func (s *Slack) PostsIn(c *SlackChannel, thread string) []SlackPost {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	var list []SlackPost
	for _, i := range s.log.inPlace[slackPlace{c.ID, thread}] {
		list = append(list, s.log.posts[i].copy())
	}
	return list
}

// Requests returns the calls of a method so far, in order; of all methods for "".
func (s *Slack) Requests(method string) []SlackRequest {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	var list []SlackRequest
	for _, r := range s.log.requests {
		if method == "" || r.Method == method {
			c := *r
			c.Args = maps.Clone(r.Args)
			list = append(list, c)
		}
	}
	return list
}

// Calls returns how many times a method was called, whatever the answer was.
func (s *Slack) Calls(method string) int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.calls[method]
}

// Statuses returns the statuses that apps have set in a channel, in order.
func (s *Slack) Statuses(c *SlackChannel) []SlackStatus {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.log.statuses), func(st SlackStatus) bool { return st.Channel != c.ID })
}

// Prompts returns the prompts that apps have suggested in a channel, in order.
func (s *Slack) Prompts(c *SlackChannel) []SlackPrompts {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.log.prompts), func(p SlackPrompts) bool { return p.Channel != c.ID })
}

// WaitFor returns nil as soon as done returns true. It is called again after each call, post, edit, deletion and status, when an event
// was sent, acknowledged or given up, when a socket opens or closes, and when the clock was advanced. done may call the simulator's
// methods.
func (s *Slack) WaitFor(ctx context.Context, done func() bool) error {
	for {
		next := s.log.next()
		if done() {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the Slack simulator: %w", ctx.Err())
		case <-s.ctx.Done():
			return errors.New("the Slack simulator was closed")
		}
	}
}

// WaitPosts waits for n posts in all and returns them.
func (s *Slack) WaitPosts(ctx context.Context, n int) ([]SlackPost, error) {
	err := s.WaitFor(ctx, func() bool { return s.PostCount() >= n })
	return s.Posts(), err
}

// WaitPost returns the first post for which match returns true, which is asked once for each.
func (s *Slack) WaitPost(ctx context.Context, match func(SlackPost) bool) (SlackPost, error) {
	var found SlackPost
	seen := 0
	err := s.WaitFor(ctx, func() bool {
		for _, p := range s.log.from(seen) {
			seen++
			if match(p) {
				found = p
				return true
			}
		}
		return false
	})
	return found, err
}
