package bridgetest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"avatarbridge/bridges/bridgetest"
)

// upload is what files.getUploadURLExternal answers.
type slackUploadURL struct {
	URL string `json:"upload_url"`
	ID  string `json:"file_id"`
}

func (w *slackWorld) uploadURL(name string, size int) slackUploadURL {
	w.t.Helper()
	var u slackUploadURL
	raw := w.call("files.getUploadURLExternal", "filename", name, "length", size).good(w.t).Raw
	if err := json.Unmarshal([]byte(raw), &u); err != nil {
		w.t.Fatal(err)
	}
	return u
}

func slackPut(t *testing.T, url, contentType, body string) int {
	t.Helper()
	resp, err := http.Post(url, contentType, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestSlackUploadsInThreeSteps(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	c := w.connect()
	asked := w.write(w.room, "say it").TS
	c.next()
	u := w.uploadURL("reply.mp3", 7)
	w.call("files.completeUploadExternal", "files", `[{"id":"`+u.ID+`"}]`, "channel_id", w.room.ID).fails(t, "file_not_found")
	if status := slackPut(t, u.URL, "audio/mpeg", "short"); status != http.StatusBadRequest {
		t.Errorf("a body of another length got %d", status)
	}
	if status := slackPut(t, u.URL, "audio/mpeg", "ID3data"); status != http.StatusOK {
		t.Errorf("the upload got %d", status)
	}
	if status := slackPut(t, u.URL, "audio/mpeg", "ID3data"); status != http.StatusNotFound {
		t.Errorf("a second upload got %d", status)
	}
	w.call("files.completeUploadExternal", "files", `[{"id":"`+u.ID+`","title":"Reply"}]`, "channel_id", w.room.ID, "thread_ts", asked,
		"initial_comment", "Listen &lt;3").good(t)
	p := w.last()
	if p.Text != "Listen <3" || p.Thread != asked || len(p.Files) != 1 || p.Files[0].Name != "reply.mp3" || p.Files[0].Type != "audio/mpeg" || string(p.Files[0].Data) != "ID3data" {
		t.Errorf("posted %+v", p)
	}
	if e := c.next().Payload.Event; e.Subtype != "file_share" || e.BotID == "" || len(e.Files) != 1 || e.Files[0].ID != u.ID {
		t.Errorf("the event is %+v", e)
	}
	info := w.call("files.info", "file", u.ID).good(t).Raw
	if !strings.Contains(info, `"shares":{"public":{"`+w.room.ID+`":[{"ts":"`+p.TS+`","thread_ts":"`+asked) {
		t.Errorf("files.info does not say where it is shared: %s", info)
	}
	w.call("files.delete", "file", u.ID).good(t)
	w.call("files.info", "file", u.ID).fails(t, "file_deleted")
}

func TestSlackTakesUploadsAsForms(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	u := w.uploadURL("a.txt", 4)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "a.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(part, "text")
	_ = form.Close()
	if status := slackPut(t, u.URL, form.FormDataContentType(), body.String()); status != http.StatusOK {
		t.Errorf("the upload got %d", status)
	}
	outside := w.s.AddChannel(w.team, "outside")
	files := `[{"id":"` + u.ID + `"}]`
	w.call("files.completeUploadExternal", "files", files, "channel_id", outside.ID).fails(t, "not_in_channel")
	w.call("files.completeUploadExternal", "files", `{}`).fails(t, "invalid_arguments")
	w.call("files.completeUploadExternal", "files", files).good(t)
	if n := w.s.PostCount(); n != 0 {
		t.Errorf("%d posts without a channel", n)
	}
	w.call("files.getUploadURLExternal", "filename", "a", "length", "much").fails(t, "missing_argument")
	w.call("files.getUploadURLExternal", "filename", "a", "length", 2<<30).fails(t, "file_upload_size_restricted")
}

func TestSlackServesPrivateFilesToTheBearerOfAToken(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	c := w.connect()
	w.s.Write(bridgetest.SlackLine{Channel: w.direct, From: w.anna, Text: "look", Files: []bridgetest.SentFile{{Name: "cat.png", Type: "image/png", Data: []byte("meow")}}})
	e := c.next().Payload.Event
	if e.Subtype != "file_share" || len(e.Files) != 1 || e.Files[0].Mimetype != "image/png" || e.Text != "look" {
		t.Fatalf("the event is %+v", e)
	}
	get := func(token string) (string, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.Files[0].Download, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body), resp.Header.Get("Content-Type")
	}
	if body, kind := get(w.app.BotToken); body != "meow" || kind != "image/png" {
		t.Errorf("got %q of %q", body, kind)
	}
	if body, kind := get("xoxb-wrong"); !strings.Contains(body, "Sign in") || !strings.HasPrefix(kind, "text/html") {
		t.Errorf("without the token got %q of %q, want the sign-in page", body, kind)
	}
	w.s.SetScopes(w.app, "chat:write")
	if body, _ := get(w.app.BotToken); body == "meow" {
		t.Error("a token without files:read got the file")
	}
	other := w.s.AddApp(w.team, bridgetest.SlackAppOptions{})
	if body, _ := get(other.BotToken); body == "meow" {
		t.Error("an app that is not in the channel got the file")
	}
	w.callAs(other.BotToken, "files.info", "file", e.Files[0].ID).fails(t, "file_not_found")
}
