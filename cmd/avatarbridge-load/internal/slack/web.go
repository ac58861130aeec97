package slack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

var good = []byte(`{"ok":true}`)

// serve answers one call.
func (s *Server) serve(c *wire.Conn, r wire.Request) error {
	if bytes.HasPrefix(r.Path, []byte("/link/")) {
		return s.open(c, r)
	}
	method, ok := bytes.CutPrefix(r.Path, []byte("/api/"))
	if !ok {
		return c.Answer(404, []byte("Not Found"))
	}
	f := s.fault.Load()
	if string(method) == "chat.postMessage" {
		return s.post(c, r.Body, f)
	}
	if f.Refuses() {
		return f.Reply(c, nil)
	}
	switch string(method) {
	case "auth.test":
		s.hooks.Reach(Introduced)
		s.knock()
		return f.Reply(c, fmt.Appendf(nil, `{"ok":true,"url":"https://load.slack.com/","team":"Load","user":%q,"team_id":%q,"user_id":%q,"bot_id":%q,"is_enterprise_install":false}`,
			handle, team, s.bot, botID))
	case "apps.connections.open":
		return f.Reply(c, fmt.Appendf(nil, `{"ok":true,"url":"%s/link/?ticket=load&app_id=%s"}`, strings.Replace(s.URL(), "http:", "ws:", 1), app))
	case "users.info":
		s.hooks.Reach(PersonAsked)
		return f.Reply(c, describe(wire.Field(r.Body, "user=")))
	case "conversations.info":
		return f.Reply(c, channelInfo(wire.Field(r.Body, "channel=")))
	case "conversations.history", "conversations.replies":
		s.hooks.Reach(HistoryAsked)
		return f.Reply(c, s.history(r.Body))
	case "users.conversations":
		return f.Reply(c, s.directs())
	case "chat.update":
		return f.Reply(c, fmt.Appendf(nil, `{"ok":true,"channel":%q,"ts":%q}`, wire.Field(r.Body, "channel="), wire.Field(r.Body, "ts=")))
	case "chat.delete", "assistant.threads.setStatus":
		return f.Reply(c, good)
	}
	return c.Answer(200, []byte(`{"ok":false,"error":"unknown_method"}`))
}

// describe is a person.
func describe(id string) []byte {
	return fmt.Appendf(nil, `{"ok":true,"user":{"id":%q,"team_id":%q,"name":"person","real_name":"Person %s","profile":{"display_name":"","real_name":"Person %s"},`+
		`"is_admin":false,"is_owner":false,"is_restricted":false,"is_ultra_restricted":false,"is_bot":false,"locale":"en-US"}}`, id, team, id, id)
}

func channelInfo(id string) []byte {
	im := strings.HasPrefix(id, "D")
	return fmt.Appendf(nil, `{"ok":true,"channel":{"id":%q,"is_im":%t,"is_channel":%t,"is_private":%t,"is_member":true}}`, id, im, !im, im)
}

// directs lists the direct chats.
func (s *Server) directs() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []map[string]any
	for chat := range s.talks {
		if direct(chat) {
			all = append(all, map[string]any{"id": channelOf(chat), "is_im": true, "user": person(chat)})
		}
	}
	return answer(map[string]any{"ok": true, "channels": all, "response_metadata": map[string]any{"next_cursor": ""}})
}

func answer(v map[string]any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte(`{"ok":false,"error":"internal_error"}`) // cannot be: texts and numbers
	}
	return b
}

// numberOf reads the number in an id of the simulator's, -1 in others.
func numberOf(id string) int {
	n, err := strconv.Atoi(id[min(2, len(id)):])
	if err != nil {
		return -1
	}
	return n
}

// readTS reads a timestamp, 0 for none.
func readTS(ts string) int64 {
	sec, frac, _ := strings.Cut(ts, ".")
	n, err := strconv.ParseInt(sec+(frac + "000000")[:6], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// chatOf is the chat that a channel and a thread belong to, nil when there is none. It needs s.mu.
func (s *Server) chatOf(channel string, thread int64) *talk {
	if strings.HasPrefix(channel, "D") {
		return s.talks[numberOf(channel)]
	}
	if chat, ok := s.threads[thread]; ok && channelOf(chat) == channel {
		return s.talks[chat]
	}
	return nil
}

// post makes a message.
func (s *Server) post(c *wire.Conn, body []byte, f *wire.Fault) error {
	s.hooks.Reach(PostReceived)
	f = f.Next()
	if f.Refuses() {
		return f.Reply(c, nil)
	}
	channel, text := wire.Field(body, "channel="), wire.Field(body, "text=")
	var meta struct {
		Payload struct {
			ID string `json:"id"`
		} `json:"event_payload"`
	}
	_ = json.Unmarshal([]byte(wire.Field(body, "metadata=")), &meta) // none is no error
	s.mu.Lock()
	t := s.chatOf(channel, readTS(wire.Field(body, "thread_ts=")))
	if t == nil {
		s.mu.Unlock()
		return f.Reply(c, []byte(`{"ok":false,"error":"channel_not_found"}`))
	}
	ts := s.now()
	t.all = append(t.all, message{ts: ts, own: true, text: text, post: meta.Payload.ID})
	s.tell(t, event{len(t.all) - 1, false})
	s.mu.Unlock()
	if chat, n, ok := ledger.Find([]byte(text), "", 'r'); !ok {
		s.ledger.Noticed()
	} else if s.ledger.Posted(t.chat, chat, n) {
		s.hooks.Answer(chat, n)
	}
	err := f.Reply(c, append(appendTS(fmt.Appendf(nil, `{"ok":true,"channel":%q,"ts":"`, channel), ts), `","message":{"type":"message"}}`...))
	s.hooks.Reach(PostAnswered)
	return err
}

// history is a page of a channel's messages, the newest first, or of a thread's, the oldest first. The parent is on every page of a thread.
func (s *Server) history(form []byte) []byte {
	channel, thread := wire.Field(form, "channel="), readTS(wire.Field(form, "ts="))
	oldest, cursor := readTS(wire.Field(form, "oldest=")), readTS(wire.Field(form, "cursor="))
	limit, err := strconv.Atoi(wire.Field(form, "limit="))
	if err != nil || limit < 1 {
		limit = 100
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.read(channel, thread)
	page, next := []map[string]any{}, ""
	for _, m := range all {
		parent := thread != 0 && m.ts == thread
		switch {
		case !parent && (m.ts <= oldest || cursor != 0 && (thread != 0 && m.ts < cursor || thread == 0 && m.ts > cursor)):
		case len(page) == limit:
			next = string(appendTS(nil, m.ts))
		default:
			page = append(page, s.show(m))
		}
		if next != "" {
			break
		}
	}
	return answer(map[string]any{"ok": true, "messages": page, "has_more": next != "", "response_metadata": map[string]any{"next_cursor": next}})
}

// A seen message is one of a history, with the chat that it is of.
type seen struct {
	*message
	of *talk
}

// read returns what a history is made of, in its order. It needs s.mu.
func (s *Server) read(channel string, thread int64) []seen {
	var all []seen
	switch t := s.chatOf(channel, thread); {
	case t != nil:
		for i := range t.all {
			all = append(all, seen{&t.all[i], t})
		}
	case thread == 0: // a channel's threads are not in its history but for what opened them
		for root, chat := range s.threads {
			if t := s.talks[chat]; channelOf(chat) == channel && t.root() == root {
				all = append(all, seen{&t.all[0], t})
			}
		}
	}
	slices.SortFunc(all, func(a, b seen) int {
		if thread == 0 {
			a, b = b, a
		}
		return int(a.ts - b.ts)
	})
	return all
}

// show is a message as a history tells it, with all metadata.
func (s *Server) show(m seen) map[string]any {
	v := map[string]any{"type": "message", "ts": string(appendTS(nil, m.ts)), "text": m.text, "team": team, "user": person(m.of.chat)}
	if root := m.of.root(); root != 0 {
		v["thread_ts"] = string(appendTS(nil, root))
	}
	if m.own {
		v["user"], v["bot_id"] = s.bot, botID
		v["metadata"] = map[string]any{"event_type": "avatarbridge_post", "event_payload": map[string]any{"id": m.post}}
	}
	return v
}
