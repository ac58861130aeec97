package bridgetest

import (
	"context"
	"encoding/base64"
	"slices"
)

func encodeWave(wave []byte) string { return base64.StdEncoding.EncodeToString(wave) }

func decodeWave(s *string) []byte {
	if s == nil {
		return nil
	}
	wave, _ := base64.StdEncoding.DecodeString(*s) // checked where it counts
	return wave
}

// Posts returns all that bots have posted so far, in order, deleted posts included.
func (d *Discord) Posts() []DiscordPost { return d.log.from(0) }

// PostCount returns how many messages bots have posted so far.
func (d *Discord) PostCount() int {
	d.log.mu.Lock()
	defer d.log.mu.Unlock()
	return len(d.log.posts)
}

// PostsIn returns what bots have posted in a channel, in order, deleted posts and deferred answers included.
func (d *Discord) PostsIn(c *DiscordChannel) []DiscordPost {
	d.log.mu.Lock()
	defer d.log.mu.Unlock()
	return copyPosts(d.log.inChannel[c.ID])
}

// Texts returns the texts of bots that stand in a channel now, in order.
func (d *Discord) Texts(c *DiscordChannel) []string {
	list := []string{}
	for _, p := range d.PostsIn(c) {
		if !p.Deleted && !p.Loading {
			list = append(list, p.Text)
		}
	}
	return list
}

// Typings returns the typing indicators that bots have shown in a channel, in order.
func (d *Discord) Typings(c *DiscordChannel) []DiscordTyping {
	d.log.mu.Lock()
	defer d.log.mu.Unlock()
	var list []DiscordTyping
	for _, t := range d.log.typings {
		if t.Channel == c.ID {
			list = append(list, t)
		}
	}
	return list
}

// Requests returns the requests that the API got, in order of their answers; of long runs the last ones.
func (d *Discord) Requests() []DiscordRequest {
	d.log.mu.Lock()
	defer d.log.mu.Unlock()
	return slices.Clone(d.log.requests)
}

// RequestCount returns how many requests a route got, whatever the answer was.
func (d *Discord) RequestCount(route string) int {
	d.log.mu.Lock()
	defer d.log.mu.Unlock()
	return d.log.counts[route]
}

// InvalidRequests counts answers of 401, 403 and 429 (of the scope shared apart): 10,000 in 10 minutes would get the address banned.
func (d *Discord) InvalidRequests() int {
	d.log.mu.Lock()
	defer d.log.mu.Unlock()
	return d.log.invalid
}

// WaitFor returns nil as soon as done returns true. It is called again after each request, post, edit and typing, and when a gateway
// connection opens, identifies, resumes, beats, gets an event or ends. done may call the simulator's methods.
func (d *Discord) WaitFor(ctx context.Context, done func() bool) error {
	return d.log.wait(ctx, "Discord simulator", d.ctx.Done(), done)
}

// WaitSessions waits until n connections of the bot have a session.
func (d *Discord) WaitSessions(ctx context.Context, b *DiscordBot, n int) error {
	return d.WaitFor(ctx, func() bool {
		live := 0
		for _, c := range d.Connections(b) {
			if c.Session != "" {
				live++
			}
		}
		return live >= n
	})
}

// WaitPosts waits for n posts in all and returns them.
func (d *Discord) WaitPosts(ctx context.Context, n int) ([]DiscordPost, error) {
	err := d.WaitFor(ctx, func() bool { return d.PostCount() >= n })
	return d.Posts(), err
}

// WaitPost returns the first post for which match returns true. Each is asked for when it is made and after each change.
func (d *Discord) WaitPost(ctx context.Context, match func(DiscordPost) bool) (DiscordPost, error) {
	var found DiscordPost
	err := d.WaitFor(ctx, func() bool {
		for _, p := range d.Posts() {
			if match(p) {
				found = p
				return true
			}
		}
		return false
	})
	return found, err
}
