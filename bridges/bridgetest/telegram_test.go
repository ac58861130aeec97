package bridgetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// reply is what the Bot API answers.
type reply struct {
	Status      int
	OK          bool            `json:"ok"`
	ErrorCode   int             `json:"error_code"`
	Description string          `json:"description"`
	Result      json.RawMessage `json:"result"`
	Parameters  struct {
		RetryAfter int   `json:"retry_after"`
		MigrateTo  int64 `json:"migrate_to_chat_id"`
	} `json:"parameters"`
}

// world is a simulator with a bot, a person and their private chat.
type world struct {
	t    *testing.T
	tg   *bridgetest.Telegram
	bot  *bridgetest.Bot
	anna *bridgetest.User
	chat *bridgetest.Chat
}

func newWorld(t *testing.T, o bridgetest.TelegramOptions) *world {
	t.Helper()
	tg, err := bridgetest.NewTelegram(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tg.Close)
	w := &world{t: t, tg: tg, bot: tg.AddBot(bridgetest.BotOptions{}), anna: tg.AddUser("Anna")}
	w.chat = tg.Direct(w.anna, w.bot)
	return w
}

func (w *world) url(method string) string { return w.tg.URL() + "/bot" + w.bot.Token + "/" + method }

// call posts form parameters given as pairs.
func (w *world) call(method string, pairs ...any) reply {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i].(string), fmt.Sprint(pairs[i+1]))
	}
	resp, err := http.PostForm(w.url(method), form)
	if err != nil {
		w.t.Fatalf("%s: %v", method, err)
	}
	return read(w.t, resp)
}

func read(t *testing.T, resp *http.Response) reply {
	t.Helper()
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{Status: resp.StatusCode}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatalf("answer %q: %v", body, err)
	}
	return r
}

// wants checks an error's status and description.
func (r reply) wants(t *testing.T, status int, description string) {
	t.Helper()
	if r.OK || r.Status != status || r.ErrorCode != status || r.Description != description {
		t.Errorf("got %d %d %q, want %d %q", r.Status, r.ErrorCode, r.Description, status, description)
	}
}

func (r reply) good(t *testing.T) reply {
	t.Helper()
	if !r.OK || r.Status != http.StatusOK {
		t.Fatalf("got %d %q", r.Status, r.Description)
	}
	return r
}

// ids are the update ids of an answer to getUpdates.
func (r reply) ids(t *testing.T) []int64 {
	t.Helper()
	var list []struct {
		ID int64 `json:"update_id"`
	}
	if err := json.Unmarshal(r.good(t).Result, &list); err != nil {
		t.Fatal(err)
	}
	ids := []int64{}
	for _, u := range list {
		ids = append(ids, u.ID)
	}
	return ids
}

func (w *world) write(text string) int64 {
	return w.tg.Write(bridgetest.Line{Chat: w.chat, From: w.anna, Text: text}).Update(w.bot)
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestRequestsComeAsFormJSONMultipartOrQuery(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	w.call("sendMessage", "chat_id", w.chat.ID, "text", "form").good(t)
	resp, err := http.Post(w.url("sendMessage"), "application/json", strings.NewReader(fmt.Sprintf(`{"chat_id":%d,"text":"json \u00e9","reply_parameters":{"message_id":1}}`, w.chat.ID)))
	if err != nil {
		t.Fatal(err)
	}
	read(t, resp).good(t)
	var body bytes.Buffer
	mw := multipart.NewWriter(&body)
	_ = mw.WriteField("chat_id", fmt.Sprint(w.chat.ID))
	_ = mw.WriteField("text", "multipart")
	_ = mw.Close()
	if resp, err = http.Post(w.url("SENDMESSAGE"), mw.FormDataContentType(), &body); err != nil {
		t.Fatal(err)
	}
	read(t, resp).good(t)
	if resp, err = http.Get(w.url("sendMessage") + fmt.Sprintf("?chat_id=%d&text=query", w.chat.ID)); err != nil {
		t.Fatal(err)
	}
	read(t, resp).good(t)
	var got []string
	for _, p := range w.tg.PostsIn(w.chat) {
		got = append(got, fmt.Sprint(p.Text, p.ReplyTo))
	}
	if want := "[form0 json é1 multipart0 query0]"; fmt.Sprint(got) != want {
		t.Errorf("posted %v, want %s", got, want)
	}
}

func TestUnknownTokensAndMethods(t *testing.T) {
	w := newWorld(t, bridgetest.TelegramOptions{})
	w.call("noSuchThing").wants(t, 404, "Not Found: method not found")
	w.tg.Revoke(w.bot)
	w.call("getMe").wants(t, 401, "Unauthorized")
	w.bot.Token = "rubbish"
	w.call("getMe").wants(t, 401, "Unauthorized: invalid token specified")
}

// serveHTTP starts a server on a free port and tells its URL.
func serveHTTP(addr chan<- string, h http.Handler) *http.Server {
	srv := &http.Server{Handler: h}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		close(addr)
		return srv
	}
	addr <- "http://" + ln.Addr().String() + "/"
	go func() { _ = srv.Serve(ln) }()
	return srv
}
