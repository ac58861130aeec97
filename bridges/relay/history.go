package relay

import (
	"fmt"
	"strings"

	"avatarbridge/avatar"
	"avatarbridge/store"
)

// memoBody is an exchange as it stands in the store's transcript.
type memoBody struct {
	V       int    `json:"v"`
	Name    string `json:"name,omitempty"`
	Asked   string `json:"asked"`
	Replied string `json:"replied,omitempty"`
}

func memo(b *turnBody, said []avatar.Reply) []byte {
	var texts []string
	asked := b.Text
	for i := range said {
		if asked == "" {
			asked = cleanText(said[i].Heard)
		}
		if text := cleanText(said[i].Text); text != "" {
			texts = append(texts, text)
		}
	}
	return encode(memoBody{V: bodyVersion, Name: b.Name, Asked: asked, Replied: strings.Join(texts, "\n\n")})
}

// recall reads the conversation's history for an avatar that remembers nothing itself.
func (p *player) recall(c *store.Conversation) ([]avatar.Exchange, error) {
	if p.history <= 0 {
		return nil, nil
	}
	memos, err := p.r.store.Transcript(p.r.calls, c.ID, p.history)
	if err != nil {
		return nil, fmt.Errorf("read the transcript: %w", err)
	}
	history := make([]avatar.Exchange, 0, len(memos))
	for _, data := range memos {
		var m memoBody
		if decode(data, &m, &m.V) == nil { // one that cannot be read is better forgotten than in the way
			history = append(history, avatar.Exchange{Name: m.Name, Asked: m.Asked, Replied: m.Replied})
		}
	}
	return history, nil
}
