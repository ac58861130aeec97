package openai

import (
	"strings"

	"avatarbridge/avatar"
)

// message is one message of a conversation as the API has it.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// tokens estimates how many tokens a text has. Four bytes each is right for English, and not far off for languages of two or three
// bytes a letter.
func tokens(s string) int { return len(s)/4 + 4 }

// recent is the newest part of the history that the section allows.
func (b *Backend) recent(all []avatar.Exchange) []avatar.Exchange {
	first, left := len(all), b.cfg.HistoryTokens
	for first > 0 && len(all)-first < b.cfg.History {
		if left -= tokens(all[first-1].Asked) + tokens(all[first-1].Replied); left < 0 {
			break
		}
		first--
	}
	return all[first:]
}

const manyPeople = "Several people write here. Each of their messages begins with its writer's name; yours do not."

// messages are what the model is told. Where several people have written, each of their messages begins with its writer's name. The roles
// user and assistant always alternate, as the templates of many models want it.
func (b *Backend) messages(t *avatar.Turn, history []avatar.Exchange) []message {
	named := shared(t, history)
	var all []message
	if system := b.system(t); system != "" || named {
		if named {
			system = strings.TrimSpace(system + "\n\n" + manyPeople)
		}
		all = append(all, message{"system", system})
	}
	for _, e := range history {
		all = add(all, "user", written(named, e.Name, e.Asked))
		if e.Replied != "" {
			all = add(all, "assistant", e.Replied)
		}
	}
	return add(all, "user", written(named, t.UserName, t.Text))
}

// system fills in the prompt. What stands in a name is never taken for a placeholder.
func (b *Backend) system(t *avatar.Turn) string {
	user := t.UserName
	if user == "" {
		user = "the user"
	}
	return strings.NewReplacer("{user}", user, "{name}", b.cfg.botName()).Replace(b.cfg.Prompt)
}

// shared reports whether more than one person is known to have written.
func shared(t *avatar.Turn, history []avatar.Exchange) bool {
	for _, e := range history {
		if e.Name != t.UserName {
			return true
		}
	}
	return false
}

func written(named bool, name, text string) string {
	if named && name != "" {
		return name + ": " + text
	}
	return text
}

// add appends a message, to the last one if that has the same role.
func add(all []message, role, content string) []message {
	if n := len(all); n > 0 && all[n-1].Role == role {
		all[n-1].Content += "\n\n" + content
		return all
	}
	return append(all, message{role, content})
}
