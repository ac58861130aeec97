package slack

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"avatarbridge/bridges"
)

// A callback is what Slack tells of one event.
type callback struct {
	Type       string          `json:"type"` // event_callback, url_verification, app_rate_limited
	Challenge  string          `json:"challenge"`
	Team       string          `json:"team_id"`
	Context    string          `json:"context_team_id"`
	Enterprise string          `json:"enterprise_id"`
	Event      json.RawMessage `json:"event"`
}

// within are the ids of what the event's channel is in, narrowest first.
func (c *callback) within(me *self) []string {
	var ids []string
	for _, id := range []string{c.Context, c.Team, me.Team, c.Enterprise} {
		if id != "" && (len(ids) == 0 || ids[len(ids)-1] != id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// message is a message, and whatever else is told in the same form.
type message struct {
	Type        string `json:"type"`
	Subtype     string `json:"subtype"`
	User        string `json:"user"`
	Bot         string `json:"bot_id"`
	Text        string `json:"text"`
	TS          string `json:"ts"`
	Thread      string `json:"thread_ts"`
	ParentUser  string `json:"parent_user_id"`
	Channel     string `json:"channel"`
	ChannelType string `json:"channel_type"`
	DeletedTS   string `json:"deleted_ts"`
	UserTeam    string `json:"user_team"`
	Files       []file `json:"files"`

	Message  *message `json:"message"`
	Previous *message `json:"previous_message"`

	Assistant *struct {
		User    string `json:"user_id"`
		Channel string `json:"channel_id"`
		Thread  string `json:"thread_ts"`
	} `json:"assistant_thread"`

	// Of a history.
	Metadata struct {
		Type    string `json:"event_type"`
		Payload struct {
			ID string `json:"id"`
		} `json:"event_payload"`
	} `json:"metadata"`
	LatestReply string `json:"latest_reply"`
}

type file struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Mimetype string `json:"mimetype"`
	Subtype  string `json:"subtype"`
	Size     int64  `json:"size"`
}

var errHollow = errors.New("a message without a channel or a timestamp")

// decode reads an answer or an event.
func decode(body []byte, v any) error { return json.Unmarshal(body, v) }

// readCallback reads what an envelope or a request holds. An error says that it can never be understood.
func readCallback(body []byte) (c callback, m message, err error) {
	if err = decode(body, &c); err != nil {
		return c, m, errors.New("an event that cannot be read") // the decoder's error may quote it
	}
	if c.Type != "event_callback" {
		return c, m, nil
	}
	if decode(c.Event, &m) != nil {
		return c, m, errors.New("an event that cannot be read")
	}
	switch m.Type {
	case "message", "app_mention":
		if m.Channel == "" || timeOf(m.TS).IsZero() {
			return c, m, errHollow
		}
	case "assistant_thread_started":
		if m.Assistant == nil || m.Assistant.Channel == "" || m.Assistant.User == "" || m.Assistant.Thread == "" {
			return c, m, errHollow
		}
		m.Channel = m.Assistant.Channel
	}
	return c, m, nil
}

// key names a message for good: its message and its app_mention have one, and every delivery of it.
func key(channel, ts string) string { return channel + "/" + ts }

// timeOf is when a message with the timestamp was written, the zero time for what is no timestamp.
func timeOf(ts string) time.Time {
	sec, frac, _ := strings.Cut(ts, ".")
	s, err := strconv.ParseInt(sec, 10, 64)
	if err != nil || s <= 0 || len(frac) > 9 {
		return time.Time{}
	}
	n, err := strconv.ParseUint("0"+(frac + "000000000")[:9], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(s, int64(n)) //nolint:gosec // nine digits
}

// timestamp is t as Slack writes it.
func timestamp(t time.Time) string {
	micro := t.UnixMicro()
	return strconv.FormatInt(micro/1e6, 10) + "." + strconv.FormatInt(1e6+micro%1e6, 10)[1:]
}

// when is when it happened.
func (m *message) when() time.Time {
	if m.Assistant != nil {
		return timeOf(m.Assistant.Thread)
	}
	return timeOf(m.TS)
}

// isDirect reports whether the message is in a chat of the bot with one person.
func (m *message) isDirect() bool { return m.ChannelType == "im" || strings.HasPrefix(m.Channel, "D") }

// place is where the message is answered: in rooms always in a thread, which it may open.
func (m *message) place() bridges.Place {
	p := bridges.Place{Channel: m.Channel, Thread: m.Thread, Direct: m.isDirect()}
	switch {
	case p.Thread == "" && !p.Direct:
		p.Thread = m.TS
	case p.Thread == m.TS && p.Direct: // it has got replies since it was written
		p.Thread = ""
	}
	return p
}

// written reports whether somebody wrote the message, and not Slack itself.
func (m *message) written() bool {
	switch m.Subtype {
	case "", "file_share", "me_message", "thread_broadcast", "bot_message":
		return m.User != "" || m.Bot != ""
	}
	return false
}

// own reports whether the bot wrote the message.
func (m *message) own(me *self) bool {
	return m.User == me.User || m.Bot != "" && m.Bot == me.Bot
}

// attachments returns what came with m.
func (m *message) attachments() []bridges.Attachment {
	var all []bridges.Attachment
	for _, f := range m.Files {
		if f.ID == "" {
			continue
		}
		kind, _, _ := strings.Cut(f.Mimetype, "/")
		switch {
		case f.Subtype == "slack_audio" || kind == "audio":
			kind = "voice"
		case kind != "image" && kind != "video":
			kind = "file"
		}
		all = append(all, bridges.Attachment{Kind: kind, Ref: f.ID, Type: f.Mimetype, Name: f.Name, Size: f.Size})
	}
	return all
}
