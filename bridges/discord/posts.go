package discord

import "sync"

// maxPosts is of how many messages it is remembered which posts they are.
const maxPosts = 10_000

// posts remembers which messages are which posts, as Discord's answers and its gateway told. The channel's history may not tell it later.
type posts struct {
	mu   sync.Mutex
	of   map[id]string
	ring []id // of the messages, the oldest at next
	next int
}

// note remembers that a message is a post.
func (p *posts) note(message id, post string) {
	if message == "" || post == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = map[id]string{}
	}
	if _, known := p.of[message]; known {
		return
	}
	p.of[message] = post
	if len(p.ring) < maxPosts {
		p.ring = append(p.ring, message)
		return
	}
	delete(p.of, p.ring[p.next])
	p.ring[p.next] = message
	p.next = (p.next + 1) % maxPosts
}

// post is the id of the post that a message is, "" when that is not known.
func (p *posts) post(message id) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.of[message]
}
