package bridgetest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"avatarbridge/bridges/bridgetest"
)

// Intents that the tests ask for.
const (
	guilds     = 1 << 0
	guildText  = 1 << 9
	directText = 1 << 12
	content    = 1 << 15
	unranked   = guilds | guildText | directText
)

// discord is a simulator with a bot, a person, a guild with one channel, and their direct messages.
type discord struct {
	*bridgetest.Discord
	t     *testing.T
	bot   *bridgetest.DiscordBot
	anna  *bridgetest.DiscordUser
	guild *bridgetest.DiscordGuild
	room  *bridgetest.DiscordChannel
	dm    *bridgetest.DiscordChannel
}

func newDiscord(t *testing.T, o bridgetest.DiscordOptions) *discord {
	t.Helper()
	if o.IdentifyEvery == 0 {
		o.IdentifyEvery = -1
	}
	d := &discord{Discord: bridgetest.NewDiscord(t, o), t: t}
	d.bot = d.AddBot(bridgetest.DiscordBotOptions{})
	d.anna = d.AddUser("Anna")
	d.guild = d.AddGuild("Guild", d.bot)
	d.room = d.AddText(d.guild, "room", d.AddCategory(d.guild, "Rooms"))
	d.dm = d.DM(d.anna, d.bot)
	return d
}

// dreply is an answer of the API.
type dreply struct {
	Status int
	Header http.Header
	Body   []byte
}

// do makes a request with a body of any kind: nil, a JSON text, or an object.
func (d *discord) do(method, path string, body any) dreply {
	d.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			d.t.Fatal(err)
		}
		r = bytes.NewReader(raw)
	}
	return d.send(method, path, "application/json", r)
}

func (d *discord) send(method, path, kind string, body io.Reader) dreply {
	d.t.Helper()
	reply, err := d.try(method, path, kind, body)
	if err != nil {
		d.t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply
}

// try makes a request that may break.
func (d *discord) try(method, path, kind string, body io.Reader) (dreply, error) {
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.URL()+"/api/v10"+path, body)
	if err != nil {
		return dreply{}, err
	}
	req.Header.Set("Authorization", "Bot "+d.bot.Token)
	req.Header.Set("User-Agent", "DiscordBot (https://example.org, 1)")
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return dreply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	return dreply{resp.StatusCode, resp.Header, raw}, err
}

// into decodes a successful answer.
func (r dreply) into(t *testing.T, v any) {
	t.Helper()
	if r.Status < 200 || r.Status > 299 {
		t.Fatalf("got %d %s", r.Status, r.Body)
	}
	if err := json.Unmarshal(r.Body, v); err != nil {
		t.Fatalf("answer %q: %v", r.Body, err)
	}
}

// wants checks an error's status and code.
func (r dreply) wants(t *testing.T, what string, status, code int) {
	t.Helper()
	var e struct{ Code int }
	if r.Status > 299 {
		if err := json.Unmarshal(r.Body, &e); err != nil {
			t.Fatalf("%s: answer %q: %v", what, r.Body, err)
		}
	}
	if r.Status != status || e.Code != code {
		t.Errorf("%s: got %d %s, want %d with code %d", what, r.Status, r.Body, status, code)
	}
}

type duser struct{ ID, Username string }

// dmsg is a message as a client reads it: ids must be strings.
type dmsg struct {
	ID        string
	ChannelID string `json:"channel_id"`
	GuildID   string `json:"guild_id"`
	Content   string
	Author    duser
	Member    *struct{ Roles []string }
	Type      int
	Flags     int
	Nonce     any
	Timestamp time.Time
	Edited    *time.Time `json:"edited_timestamp"`
	Mentions  []duser
	Everyone  bool     `json:"mention_everyone"`
	Roles     []string `json:"mention_roles"`
	Files     []struct {
		ID, Filename, URL, Waveform string
		Size                        int
		ContentType                 string  `json:"content_type"`
		Duration                    float64 `json:"duration_secs"`
	} `json:"attachments"`
	Reference *struct {
		MessageID string `json:"message_id"`
	} `json:"message_reference"`
	Referenced *dmsg  `json:"referenced_message"`
	WebhookID  string `json:"webhook_id"`
}

func messages(c *bridgetest.DiscordChannel) string { return "/channels/" + c.ID + "/messages" }

// say posts a text as the bot.
func (d *discord) say(c *bridgetest.DiscordChannel, text string) dmsg {
	d.t.Helper()
	var m dmsg
	d.do("POST", messages(c), map[string]any{"content": text}).into(d.t, &m)
	return m
}

// upload posts a multipart message: payload_json, then files named by their kinds in order.
func (d *discord) upload(path, payload string, files ...bridgetest.DiscordFile) dreply {
	d.t.Helper()
	var body bytes.Buffer
	mw := multipart.NewWriter(&body)
	if payload != "" {
		_ = mw.WriteField("payload_json", payload)
	}
	for i, f := range files {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", fmt.Sprintf(`form-data; name="files[%d]"; filename=%q`, i, f.Name))
		h.Set("Content-Type", f.Type)
		part, err := mw.CreatePart(h)
		if err != nil {
			d.t.Fatal(err)
		}
		_, _ = part.Write(f.Data)
	}
	_ = mw.Close()
	return d.send("POST", path, mw.FormDataContentType(), &body)
}

// frame is a payload of the gateway.
type frame struct {
	Op   int             `json:"op"`
	Data json.RawMessage `json:"d"`
	Seq  *int64          `json:"s"`
	Type *string         `json:"t"`
}

func (f frame) event() string {
	if f.Type == nil {
		return ""
	}
	return *f.Type
}

// socket is a client's gateway connection.
type socket struct {
	t  *testing.T
	ws *websocket.Conn
}

func (d *discord) dial(url string) *socket {
	d.t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = ws.Close() })
	return &socket{d.t, ws}
}

// open asks for the gateway's URL, connects and reads Hello.
func (d *discord) open() *socket {
	d.t.Helper()
	var g struct{ URL string }
	d.do("GET", "/gateway", nil).into(d.t, &g)
	s := d.dial(g.URL + "?v=10&encoding=json")
	if f := s.next(); f.Op != 10 {
		d.t.Fatalf("the first frame is op %d, want Hello", f.Op)
	}
	return s
}

// connect identifies and reads Ready.
func (d *discord) connect(intents int) *socket {
	d.t.Helper()
	s := d.open()
	s.identify(d.bot.Token, fmt.Sprintf(`"intents":%d`, intents))
	if f := s.next(); f.event() != "READY" {
		d.t.Fatalf("got %d %s, want READY", f.Op, f.Data)
	}
	return s
}

func (s *socket) identify(token, more string) {
	s.write(`{"op":2,"d":{"token":"` + token + `","properties":{"os":"linux","browser":"x","device":"x"},` + more + `}}`)
}

func (s *socket) write(text string) {
	s.t.Helper()
	if err := s.ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *socket) next() frame {
	s.t.Helper()
	f, err := s.read(10 * time.Second)
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

func (s *socket) read(wait time.Duration) (frame, error) {
	_ = s.ws.SetReadDeadline(time.Now().Add(wait))
	_, raw, err := s.ws.ReadMessage()
	if err != nil {
		return frame{}, err
	}
	var f frame
	if err := json.Unmarshal(raw, &f); err != nil {
		return frame{}, fmt.Errorf("frame %q: %w", raw, err)
	}
	return f, nil
}

// event reads until an event of the type comes.
func (s *socket) event(kind string) frame {
	s.t.Helper()
	for {
		if f := s.next(); f.event() == kind {
			return f
		}
	}
}

// message reads the next event of the type as a message.
func (s *socket) message(kind string) dmsg {
	s.t.Helper()
	var m dmsg
	if err := json.Unmarshal(s.event(kind).Data, &m); err != nil {
		s.t.Fatal(err)
	}
	return m
}

// closed reads until the connection ends and returns the close code, 1006 for none.
func (s *socket) closed() int {
	s.t.Helper()
	for {
		_, err := s.read(10 * time.Second)
		if e, ok := err.(*websocket.CloseError); ok {
			return e.Code
		}
		if err != nil {
			return websocket.CloseAbnormalClosure
		}
	}
}
