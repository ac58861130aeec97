package discord

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// prefix is of all routes of the API.
var prefix = []byte("/api/v10")

func (s *Server) gatewayURL() string { return strings.Replace(s.URL(), "http:", "ws:", 1) + "/gateway" }

// serve answers one call.
func (s *Server) serve(c *wire.Conn, r wire.Request) error {
	if bytes.HasPrefix(r.Path, []byte("/gateway")) {
		return s.gateway(c, r)
	}
	path, ok := bytes.CutPrefix(r.Path, prefix)
	if !ok {
		return notFound(c)
	}
	f := s.fault.Load()
	if rest, ok := bytes.CutPrefix(path, []byte("/channels/")); ok {
		return s.inChannel(c, r, rest, f)
	}
	if f.Refuses() {
		return f.Reply(c, nil)
	}
	switch string(path) {
	case "/users/@me":
		s.hooks.Reach(Introduced)
		return f.Reply(c, s.appendUser(nil, s.bot))
	case "/oauth2/applications/@me", "/applications/@me":
		return f.Reply(c, fmt.Appendf(nil, `{"id":"%d","name":"luna","flags":0}`, s.bot))
	case "/gateway/bot":
		return f.Reply(c, fmt.Appendf(nil, `{"url":%q,"shards":1,"session_start_limit":{"total":1000,"remaining":999,"reset_after":14400000,"max_concurrency":1}}`, s.gatewayURL()))
	case "/gateway":
		return f.Reply(c, fmt.Appendf(nil, `{"url":%q}`, s.gatewayURL()))
	case fmt.Sprintf("/applications/%d/commands", s.bot):
		return f.Reply(c, s.register(r))
	case fmt.Sprintf("/guilds/%d", guild):
		s.mu.Lock()
		b := s.appendGuild(nil)
		s.mu.Unlock()
		return f.Reply(c, b)
	}
	if who, ok := bytes.CutPrefix(path, fmt.Appendf(nil, "/guilds/%d/members/", guild)); ok {
		if id, err := strconv.ParseInt(string(who), 10, 64); err == nil {
			return f.Reply(c, append(s.appendUser([]byte(`{"nick":null,"roles":[],"joined_at":"2026-01-01T00:00:00.000000+00:00","user":`), id), '}'))
		}
	}
	return notFound(c)
}

func notFound(c *wire.Conn) error {
	return c.Answer(404, []byte(`{"code":0,"message":"404: Not Found"}`))
}

// register tells the bot's commands, which a PUT replaces.
func (s *Server) register(r wire.Request) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if string(r.Method) == "PUT" {
		s.commands = bytes.Clone(r.Body)
	}
	if s.commands == nil {
		return []byte("[]")
	}
	return s.commands
}

// inChannel answers a call about a channel; rest is the path behind /channels/.
func (s *Server) inChannel(c *wire.Conn, r wire.Request, rest []byte, f *wire.Fault) error {
	number, what, _ := bytes.Cut(rest, []byte("/"))
	in, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil || in < firstDirect {
		return c.Answer(404, []byte(`{"code":10003,"message":"Unknown Channel"}`))
	}
	what, query, _ := bytes.Cut(what, []byte("?"))
	post := string(r.Method) == "POST"
	switch {
	case string(what) == "messages" && post:
		return s.create(c, r.Body, in, f)
	case f.Refuses():
		return f.Reply(c, nil)
	case string(what) == "messages":
		s.hooks.Reach(HistoryAsked)
		return f.Reply(c, s.history(in, query))
	case string(what) == "typing" && post:
		return c.Answer(204, nil)
	case len(what) == 0:
		return f.Reply(c, s.describe(in))
	}
	return notFound(c)
}

// describe is a channel.
func (s *Server) describe(id int64) []byte {
	if id < firstRoom {
		return append(s.appendUser(fmt.Appendf(nil, `{"id":"%d","type":1,"recipients":[`, id), id-firstDirect+firstPerson), "]}"...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.appendRoom(nil, id)
}

// maxPage is the most that Discord gives at once of a history.
const maxPage = 100

// history is a page of a channel's messages, the newest first: the oldest ones of those behind "after", or the newest of all. It tells no nonces.
func (s *Server) history(id int64, query []byte) []byte {
	limit, err := strconv.Atoi(wire.Field(query, "limit="))
	if err != nil || limit < 1 || limit > maxPage {
		limit = 50
	}
	after, _ := strconv.ParseInt(wire.Field(query, "after="), 10, 64) // none is 0
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.at(id)
	all := ch.all
	if after > 0 {
		i, _ := slices.BinarySearchFunc(all, after+1, func(m message, id int64) int { return cmp.Compare(m.id, id) })
		all = all[i:min(len(all), i+limit)]
	}
	all = all[max(len(all)-limit, 0):]
	b := []byte{'['}
	for i := len(all) - 1; i >= 0; i-- {
		if b = s.appendMessage(b, ch, &all[i], "", false); i > 0 {
			b = append(b, ',')
		}
	}
	return append(b, ']')
}

// create makes a message, unless there is one with the nonce already: that is the answer then.
func (s *Server) create(c *wire.Conn, body []byte, in int64, f *wire.Fault) error {
	s.hooks.Reach(PostReceived)
	f = f.Next()
	if f.Refuses() {
		return f.Reply(c, nil)
	}
	nonce := string(wire.Between(body, `"nonce":"`, `"`))
	text := bytes.Clone(wire.Between(body, `"content":"`, `","`))
	enforced := nonce != "" && bytes.Contains(body, []byte(`"enforce_nonce":true`))
	s.mu.Lock()
	ch := s.at(in)
	old, repeated := ch.nonces[nonce]
	repeated = repeated && enforced && time.Since(old.at) < nonceHolds
	id := old.id
	if !repeated {
		id = s.say(in, s.bot, text, nonce)
		if enforced {
			ch.nonces[nonce] = nonced{id, time.Now()}
		}
	}
	answer := s.appendMessage(make([]byte, 0, 512), ch, &message{id, s.bot, text}, nonce, false)
	s.mu.Unlock()
	if !repeated {
		s.posted(in, text)
	}
	err := f.Reply(c, answer)
	s.hooks.Reach(PostAnswered)
	return err
}

// posted notes what was posted in a channel.
func (s *Server) posted(in int64, text []byte) {
	chat, n, ok := ledger.Find(text, "", 'r')
	if !ok {
		s.ledger.Noticed()
		return
	}
	where := -1
	if channelOf(chat) == in {
		where = chat
	}
	if s.ledger.Posted(where, chat, n) {
		s.hooks.Answer(chat, n)
	}
}
