package bridgetest

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var slackTime = regexp.MustCompile(`^\d+(\.\d{1,6})?$`)

// copy is a message that later changes leave as it is.
func (m *slackMessage) copy() *slackMessage {
	c := *m
	return &c
}

// shownIn is a message as history shows it: of metadata only the type, unless all is asked for.
func (m *slackMessage) shownIn(allMetadata bool) *slackMessage {
	c := m.copy()
	if c.Metadata != nil && !allMetadata {
		c.Metadata = &slackMetadata{EventType: m.Metadata.EventType}
	}
	return c
}

// window is what part of a history a call asks for.
type slackWindow struct {
	oldest, latest string // "" for none
	inclusive      bool
	limit          int
	cursor         string // the ts after which, in the direction of reading, it goes on
	metadata       bool
}

// window reads the arguments of history and replies.
func (c *slackCall) window() (slackWindow, *slackAnswer) {
	w := slackWindow{inclusive: c.p.truth("inclusive"), limit: c.p.number("limit", 100, 1, 999), metadata: c.p.truth("include_all_metadata")}
	if c.app.external {
		w.limit = c.p.number("limit", 15, 1, 15)
	}
	var ok bool
	if w.oldest, ok = slackBound(c.p.text("oldest")); !ok {
		return w, slackFailure("invalid_ts_oldest")
	}
	if w.latest, ok = slackBound(c.p.text("latest")); !ok {
		return w, slackFailure("invalid_ts_latest")
	}
	if raw := c.p.text("cursor"); raw != "" {
		text, err := base64.StdEncoding.DecodeString(raw)
		ts, found := strings.CutPrefix(string(text), "next_ts:")
		if err != nil || !found {
			return w, slackFailure("invalid_cursor")
		}
		w.cursor = ts
	}
	return w, nil
}

// slackBound brings a time to the form of a ts.
func slackBound(raw string) (string, bool) {
	switch {
	case raw == "" || raw == "0" || raw == "now":
		return "", true
	case !slackTime.MatchString(raw):
		return "", false
	}
	seconds, fraction, _ := strings.Cut(raw, ".")
	for len(fraction) < 6 {
		fraction += "0"
	}
	for len(seconds) < 10 {
		seconds = "0" + seconds
	}
	return seconds + "." + fraction, true
}

// has says that a message is between the bounds.
func (w slackWindow) has(ts string) bool {
	if w.oldest != "" && (ts < w.oldest || ts == w.oldest && !w.inclusive) {
		return false
	}
	return w.latest == "" || ts < w.latest || ts == w.latest && w.inclusive
}

// readable returns the channel of a call if the app may read it.
func (s *Slack) readable(c *slackCall) (*SlackChannel, *slackAnswer) {
	ch, refused := s.open(c)
	switch {
	case refused != nil:
		return nil, refused
	case !c.app.hasAny(ch.scope("history")):
		return nil, missingSlackScope(c.app, ch.scope("history"))
	case !ch.members[c.app.User.ID]:
		return nil, slackFailure("not_in_channel")
	}
	return ch, nil
}

// history is conversations.history: the newest first; replies are not in it unless they were sent to the channel too.
func (s *Slack) history(c *slackCall) *slackAnswer {
	ch, refused := s.readable(c)
	if refused != nil {
		return refused
	}
	w, refused := c.window()
	if refused != nil {
		return refused
	}
	page, next := []*slackMessage{}, ""
	for _, m := range slices.Backward(ch.messages) {
		if !w.has(m.TS) || w.cursor != "" && m.TS > w.cursor || m.ThreadTS != "" && m.ThreadTS != m.TS && m.Subtype != "thread_broadcast" {
			continue
		}
		if len(page) == w.limit {
			next = m.TS
			break
		}
		page = append(page, m.shownIn(w.metadata))
	}
	return s.page(page, next, map[string]any{"pin_count": 0})
}

// replies is conversations.replies: the parent, then the replies, the oldest first. The parent is on every page.
func (s *Slack) replies(c *slackCall) *slackAnswer {
	ch, refused := s.readable(c)
	if refused != nil {
		return refused
	}
	w, refused := c.window()
	if refused != nil {
		return refused
	}
	ts := c.p.text("ts")
	if m := ch.byTS[ts]; m == nil {
		return slackFailure("thread_not_found")
	} else if m.ThreadTS != "" && m.ThreadTS != ts { // of a reply only itself comes
		return s.page([]*slackMessage{m.shownIn(w.metadata)}, "", nil)
	}
	page, next := []*slackMessage{}, ""
	for _, m := range ch.thread(ts) {
		if m.TS == ts {
			page = append(page, m.shownIn(w.metadata))
			continue
		}
		if !w.has(m.TS) || w.cursor != "" && m.TS < w.cursor {
			continue
		}
		if len(page) == max(w.limit, 2) {
			next = m.TS
			break
		}
		page = append(page, m.shownIn(w.metadata))
	}
	return s.page(page, next, nil)
}

// page is the answer with a page of messages.
func (s *Slack) page(list []*slackMessage, next string, fields map[string]any) *slackAnswer {
	a := slackGood(fields)
	a.fields["messages"], a.fields["has_more"] = list, next != ""
	if next != "" {
		a.fields["response_metadata"] = map[string]any{"next_cursor": base64.StdEncoding.EncodeToString([]byte("next_ts:" + next))}
	}
	return a
}

// slackListPage cuts a list of other things than messages by cursor and limit.
func slackListPage[T any](c *slackCall, all []T, name string, most int) *slackAnswer {
	start := 0
	if raw := c.p.text("cursor"); raw != "" {
		text, err := base64.StdEncoding.DecodeString(raw)
		n, err2 := strconv.Atoi(strings.TrimPrefix(string(text), "at:"))
		if err != nil || err2 != nil || n < 0 || n > len(all) {
			return slackFailure("invalid_cursor")
		}
		start = n
	}
	end := min(len(all), start+c.p.number("limit", 100, 1, most))
	next := ""
	if end < len(all) {
		next = base64.StdEncoding.EncodeToString([]byte("at:" + strconv.Itoa(end)))
	}
	page := append([]T{}, all[start:end]...)
	return slackGood(map[string]any{name: page, "response_metadata": map[string]any{"next_cursor": next}})
}
