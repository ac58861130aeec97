package bridgetest

import (
	"context"
	"maps"
	"slices"
)

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
	return s.log.wait(ctx, "Slack simulator", s.ctx.Done(), done)
}

// WaitPosts waits for n posts in all and returns them.
func (s *Slack) WaitPosts(ctx context.Context, n int) ([]SlackPost, error) {
	err := s.WaitFor(ctx, func() bool { return s.PostCount() >= n })
	return s.Posts(), err
}

// WaitPost returns the first post for which match returns true, which is asked once for each.
func (s *Slack) WaitPost(ctx context.Context, match func(SlackPost) bool) (SlackPost, error) {
	return awaited(ctx, s.WaitFor, s.log.from, match)
}
