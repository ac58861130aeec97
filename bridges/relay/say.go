package relay

import (
	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/store"
)

// posts makes stored posts of a reply to the turn b. more says that something may have been said to it before.
func (p *player) posts(l *line, s *Settings, c *store.Conversation, b *turnBody, r *avatar.Reply, more bool) store.Reply {
	m := bridges.Message{Text: cleanText(r.Text), Audio: p.audio(l, s, &r.Audio), Mention: b.User, ReplyTo: b.replyTo(c), Answer: b.Answer}
	m.More = more && m.Answer != ""
	if s.ShowEmotion {
		m.Emotion = cleanName(r.Emotion)
	}
	if s.ShowAnimation && r.Animation.URL != "" && p.vet(l, "animation", r.Animation.URL) {
		m.Animation = r.Animation.URL
	}
	reply := store.Reply{Key: r.Key, KeyFor: r.KeyFor, Ends: r.Ends}
	if m.Text != "" || m.Audio != nil || m.Animation != "" {
		reply.Pieces = l.fit(c.Channel, m)
	}
	return reply
}

// audio returns the sound as the route wants it; nil for none. Sound that cannot be had never holds up the text.
func (p *player) audio(l *line, s *Settings, a *avatar.Audio) *bridges.Audio {
	if s.audio() == bridges.AudioOff || a.URL == "" && len(a.Data) == 0 {
		return nil
	}
	media := p.r.cfg.Media
	kept := bridges.Audio{Source: a.URL, Link: a.URL, Type: a.Type}
	if a.URL == "" {
		if media == nil {
			return nil
		}
		var err error
		if kept, err = media.Keep(p.r.calls, *a); err != nil {
			l.log.Warn("cannot keep the audio of a reply; it is posted without", "avatar", p.cfg.Name, "err", err)
			return nil
		}
	} else if !p.vet(l, "audio", a.URL) {
		return nil
	}
	kept.Mode, kept.AllowPrivate = s.audio(), p.cfg.AllowPrivate
	return &kept
}

func (p *player) vet(l *line, what, url string) bool {
	if p.r.cfg.Media == nil {
		return true
	}
	err := p.r.cfg.Media.Vet(url, p.cfg.AllowPrivate)
	if err != nil {
		l.log.Warn("the service named an address that is not used; the reply is posted without it", "avatar", p.cfg.Name, "what", what, "err", err)
	}
	return err == nil
}

// mute says that a reply had something in it of which nothing can be posted: sound that could not be kept, an address that is refused.
func mute(r *avatar.Reply, posts *store.Reply) bool {
	return len(posts.Pieces) == 0 && (cleanText(r.Text) != "" || r.Audio.URL != "" || len(r.Audio.Data) > 0)
}
