package bridgetest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"avatarbridge/bridges/bridgetest"
)

// slackReply is what the Web API answers.
type slackReply struct {
	Status int
	Header http.Header
	Raw    string

	OK       bool   `json:"ok"`
	Error    string `json:"error"`
	Needed   string `json:"needed"`
	Provided string `json:"provided"`
	Warning  string `json:"warning"`
	Channel  json.RawMessage
	TS       string          `json:"ts"`
	Message  slackSeen       `json:"message"`
	Messages []slackSeen     `json:"messages"`
	HasMore  bool            `json:"has_more"`
	URL      string          `json:"url"`
	User     json.RawMessage `json:"user"`
	Channels []struct {
		ID string `json:"id"`
	} `json:"channels"`
	Response struct {
		Cursor   string   `json:"next_cursor"`
		Messages []string `json:"messages"`
	} `json:"response_metadata"`
}

// slackSeen is a message in an answer or an event.
type slackSeen struct {
	Type        string `json:"type"`
	Subtype     string `json:"subtype"`
	User        string `json:"user"`
	BotID       string `json:"bot_id"`
	Text        string `json:"text"`
	TS          string `json:"ts"`
	ThreadTS    string `json:"thread_ts"`
	Channel     string `json:"channel"`
	ChannelType string `json:"channel_type"`
	DeletedTS   string `json:"deleted_ts"`
	UserTeam    string `json:"user_team"`
	Hidden      bool   `json:"hidden"`
	Edited      *struct {
		User string `json:"user"`
	} `json:"edited"`
	Message  *slackSeen `json:"message"`
	Previous *slackSeen `json:"previous_message"`
	Metadata *struct {
		Type    string          `json:"event_type"`
		Payload json.RawMessage `json:"event_payload"`
	} `json:"metadata"`
	Files []struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Mimetype string `json:"mimetype"`
		Download string `json:"url_private_download"`
	} `json:"files"`
	Assistant *struct {
		User    string `json:"user_id"`
		Thread  string `json:"thread_ts"`
		Channel string `json:"channel_id"`
		Context struct {
			Channel string `json:"channel_id"`
		} `json:"context"`
	} `json:"assistant_thread"`
}

// slackWorld is a simulator with a workspace, an app, a person, their direct messages and a channel of both.
type slackWorld struct {
	t      *testing.T
	s      *bridgetest.Slack
	team   *bridgetest.SlackTeam
	app    *bridgetest.SlackApp
	anna   *bridgetest.SlackUser
	direct *bridgetest.SlackChannel
	room   *bridgetest.SlackChannel
}

func newSlackWorld(t *testing.T, o bridgetest.SlackOptions) *slackWorld {
	t.Helper()
	s, err := bridgetest.NewSlack(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	w := &slackWorld{t: t, s: s, team: s.AddTeam("Acme", "")}
	w.app, w.anna = s.AddApp(w.team, bridgetest.SlackAppOptions{}), s.AddUser(w.team, "Anna")
	w.direct, w.room = s.Direct(w.app, w.anna), s.AddChannel(w.team, "general", w.anna, w.app.User)
	return w
}

// patient makes a simulator whose events wait for ever for their acknowledgement, so that slow tests see no redelivery.
var slackPatient = bridgetest.SlackOptions{AckWithin: time.Hour}

// call posts form arguments given as pairs, with the bot token.
func (w *slackWorld) call(method string, pairs ...any) slackReply {
	w.t.Helper()
	return w.callAs(w.app.BotToken, method, pairs...)
}

func (w *slackWorld) callAs(token, method string, pairs ...any) slackReply {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i].(string), fmt.Sprint(pairs[i+1]))
	}
	return w.send(token, method, "application/x-www-form-urlencoded", form.Encode())
}

func (w *slackWorld) callJSON(method, body string) slackReply {
	w.t.Helper()
	return w.send(w.app.BotToken, method, "application/json; charset=utf-8", body)
}

func (w *slackWorld) send(token, method, contentType, body string) slackReply {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.s.URL()+method, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Close = true // a connection that Offline has cut is not used again
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatalf("%s: %v", method, err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	r := slackReply{Status: resp.StatusCode, Header: resp.Header, Raw: string(raw)}
	if err := json.Unmarshal(raw, &r); err != nil {
		w.t.Fatalf("answer %q: %v", raw, err)
	}
	return r
}

func (r slackReply) good(t *testing.T) slackReply {
	t.Helper()
	if !r.OK || r.Status != http.StatusOK {
		t.Fatalf("got %d %s", r.Status, r.Raw)
	}
	return r
}

func (r slackReply) fails(t *testing.T, code string) slackReply {
	t.Helper()
	if r.OK || r.Error != code {
		t.Errorf("got %s, want the error %q", r.Raw, code)
	}
	return r
}

// post posts a text and returns its ts.
func (w *slackWorld) post(c *bridgetest.SlackChannel, text string, pairs ...any) string {
	w.t.Helper()
	return w.call("chat.postMessage", append([]any{"channel", c.ID, "text", text}, pairs...)...).good(w.t).TS
}

// write lets Anna write.
func (w *slackWorld) write(c *bridgetest.SlackChannel, text string) bridgetest.SlackWritten {
	return w.s.Write(bridgetest.SlackLine{Channel: c, From: w.anna, Text: text})
}

// last is the app's last post.
func (w *slackWorld) last() bridgetest.SlackPost {
	w.t.Helper()
	posts := w.s.Posts()
	if len(posts) == 0 {
		w.t.Fatal("nothing was posted")
	}
	return posts[len(posts)-1]
}

// slackEnvelope is a frame that the server sends.
type slackEnvelope struct {
	Type     string `json:"type"`
	ID       string `json:"envelope_id"`
	Accepts  bool   `json:"accepts_response_payload"`
	Attempt  *int   `json:"retry_attempt"`
	Reason   string `json:"retry_reason"`
	Why      string `json:"reason"`
	Sockets  int    `json:"num_connections"`
	Payload  slackPayload
	Debug    map[string]any `json:"debug_info"`
	Connects map[string]any `json:"connection_info"`
}

// slackPayload is an event's callback, or a command.
type slackPayload struct {
	Type     string    `json:"type"`
	Team     string    `json:"team_id"`
	App      string    `json:"api_app_id"`
	EventID  string    `json:"event_id"`
	Context  string    `json:"event_context"`
	Shared   bool      `json:"is_ext_shared_channel"`
	Event    slackSeen `json:"event"`
	Command  string    `json:"command"`
	Text     string    `json:"text"`
	User     any       `json:"user_id"`
	Channel  any       `json:"channel_id"`
	Response string    `json:"response_url"`
	Trigger  string    `json:"trigger_id"`
	Auth     []struct {
		Enterprise *string `json:"enterprise_id"`
		Team       string  `json:"team_id"`
		User       string  `json:"user_id"`
		Bot        bool    `json:"is_bot"`
		Install    bool    `json:"is_enterprise_install"`
	} `json:"authorizations"`
}

// slackSocket is an open socket of the app.
type slackSocket struct {
	t  *testing.T
	ws *websocket.Conn
}

// connect opens a socket and reads its hello.
func (w *slackWorld) connect() *slackSocket {
	w.t.Helper()
	c := w.dial()
	if hello := c.read(); hello.Type != "hello" {
		w.t.Fatalf("the first frame is %+v", hello)
	}
	return c
}

func (w *slackWorld) dial() *slackSocket {
	w.t.Helper()
	r := w.callAs(w.app.AppToken, "apps.connections.open").good(w.t)
	ws, resp, err := websocket.DefaultDialer.DialContext(w.t.Context(), r.URL, http.Header{"Origin": {"https://api.slack.com"}})
	if err != nil {
		w.t.Fatalf("open the socket: %v", err)
	}
	_ = resp.Body.Close()
	w.t.Cleanup(func() { _ = ws.Close() })
	return &slackSocket{w.t, ws}
}

func (c *slackSocket) read() slackEnvelope {
	c.t.Helper()
	_ = c.ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, raw, err := c.ws.ReadMessage()
	if err != nil {
		c.t.Fatalf("read a frame: %v", err)
	}
	var e slackEnvelope
	if err := json.Unmarshal(raw, &e); err != nil {
		c.t.Fatalf("frame %q: %v", raw, err)
	}
	return e
}

func (c *slackSocket) ack(e slackEnvelope) { c.write(`{"envelope_id":"` + e.ID + `"}`) }

func (c *slackSocket) write(frame string) {
	c.t.Helper()
	if err := c.ws.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		c.t.Fatalf("write a frame: %v", err)
	}
}

// next reads an envelope and acknowledges it.
func (c *slackSocket) next() slackEnvelope {
	c.t.Helper()
	e := c.read()
	c.ack(e)
	return e
}

// ends reads until the socket is closed.
func (c *slackSocket) ends() {
	c.t.Helper()
	_ = c.ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, raw, err := c.ws.ReadMessage()
	if err == nil {
		c.t.Fatalf("got %s, want the end of the socket", raw)
	}
}

func (w *slackWorld) until(done func() bool, what string) {
	w.t.Helper()
	if err := w.s.WaitFor(soon(w.t), done); err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
}

// envelopeID is the id in a frame whose payload may be of any form.
func envelopeID(t *testing.T, raw []byte) string {
	t.Helper()
	var e struct {
		ID string `json:"envelope_id"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatalf("frame %q: %v", raw, err)
	}
	return e.ID
}
