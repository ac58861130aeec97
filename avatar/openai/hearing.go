package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"path"
	"slices"
	"strings"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

const (
	maxVoice         = 25 << 20 // by the API's reference
	maxTranscript    = 32 << 10
	transcribeWithin = time.Minute
)

// listen writes down what the person said, as if they had written it, and returns a reply that says what was heard.
func (b *Backend) listen(ctx context.Context, t *avatar.Turn) (r avatar.Reply, err error) {
	if t.Voice == nil {
		return r, nil
	}
	if !b.Hears() {
		return r, fault.Reject("a voice message came, and the avatar does not hear: set transcribe", nil)
	}
	limit := transcribeWithin
	if until, ok := ctx.Deadline(); ok { // the reply takes its time too
		limit = min(limit, time.Until(until)/2)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if r.Heard, err = b.transcribe(ctx, t.Voice, t.Locale); err != nil {
		return avatar.Reply{}, err
	}
	t.Text = strings.TrimSpace(t.Text + "\n\n" + r.Heard)
	return r, nil
}

// transcribe returns what is said in a voice message, which is not empty.
func (b *Backend) transcribe(ctx context.Context, v *avatar.Voice, locale string) (string, error) {
	if len(v.Data) == 0 {
		return "", fault.Reject("the voice message is empty", nil)
	}
	if len(v.Data) > maxVoice {
		return "", fault.Reject("the voice message is larger than 25 MiB, which is the most that is written down", nil)
	}
	body, err := b.recording(v, locale)
	if err != nil {
		return "", err
	}
	to := b.place(transcribePath)
	res, err := b.call(ctx, to, body)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	switch {
	case err != nil:
		return "", b.broken(ctx, to.host(), err)
	case len(data) > maxBody:
		return "", fault.Kill("the transcript of "+to.host()+" is larger than 1 MiB: see that "+to.urlName+" is right", nil)
	}
	return b.transcript(to, data)
}

// transcript reads an answer.
func (b *Backend) transcript(to place, body []byte) (string, error) {
	var answer struct {
		Text  *string         `json:"text"`
		Error json.RawMessage `json:"error"`
	}
	err := json.Unmarshal(body, &answer)
	c := chunk{Error: answer.Error}
	switch {
	case err == nil && c.failed():
		return "", b.outcome(trouble(to, http.StatusOK, body), nil)
	case err != nil || answer.Text == nil:
		return "", &fault.Outcome{Reason: to.host() + " answered with something that is no transcript"}
	}
	text := strings.TrimSpace(strings.ToValidUTF8(*answer.Text, ""))
	switch {
	case text == "":
		return "", fault.Reject("nothing was understood in the voice message", nil)
	case len(text) > maxTranscript:
		return "", fault.Reject("the voice message has more than 32 KiB of words", nil)
	}
	return text, nil
}

// recording is the form in which a voice message is sent. Its file has a name of ours: people's own names for files are nobody's business.
func (b *Backend) recording(v *avatar.Voice, locale string) (upload, error) {
	ext := extension(v)
	if ext == "" {
		return upload{}, fault.Reject("the voice message has a form that cannot be written down", nil)
	}
	var body bytes.Buffer
	body.Grow(len(v.Data) + 1024)
	w := multipart.NewWriter(&body)
	fields := [][2]string{{"model", b.cfg.Transcribe}, {"response_format", "json"}}
	if slices.Contains(spokenLanguages, locale) {
		fields = append(fields, [2]string{"language", locale})
	}
	for _, f := range fields {
		_ = w.WriteField(f[0], f[1]) // a bytes.Buffer never fails
	}
	part, _ := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name="file"; filename="voice.%s"`, ext)},
		"Content-Type":        {contentTypes[ext]},
	})
	_, _ = part.Write(v.Data)
	_ = w.Close()
	return upload{w.FormDataContentType(), body.Bytes()}, nil
}

// contentTypes are the files that the API takes, by the extension from which it learns what they are.
var contentTypes = map[string]string{
	"flac": "audio/flac", "mp3": "audio/mpeg", "mp4": "audio/mp4", "m4a": "audio/mp4", "mpeg": "audio/mpeg", "mpga": "audio/mpeg",
	"oga": "audio/ogg", "ogg": "audio/ogg", "wav": "audio/wav", "webm": "audio/webm",
}

// extensions are those of media types as platforms and browsers write them, without "audio/", "video/", "application/", "x-" and "vnd.".
var extensions = map[string]string{
	"ogg": "ogg", "opus": "ogg", "webm": "webm", "mpeg": "mp3", "mp3": "mp3", "mpeg3": "mp3", "mp4": "mp4", "m4a": "m4a", "wav": "wav", "wave": "wav", "flac": "flac",
}

// extension is what the name of a voice message's file ends in, "" if it is of no kind that the API takes.
func extension(v *avatar.Voice) string {
	kind, _, _ := strings.Cut(strings.ToLower(v.Type), ";")
	major, minor, _ := strings.Cut(strings.TrimSpace(kind), "/")
	if slices.Contains([]string{"audio", "video", "application"}, major) {
		if ext := extensions[strings.TrimPrefix(strings.TrimPrefix(minor, "x-"), "vnd.")]; ext != "" {
			return ext
		}
	}
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(v.Name), "."))
	if ext == "opus" {
		return "ogg"
	}
	if contentTypes[ext] == "" {
		return ""
	}
	return ext
}

// spokenLanguages are the two-letter codes that the API takes as a hint. Another tag, as "pt-br", is not sent: a wrong hint is worse than none.
var spokenLanguages = strings.Fields(`af ar az be bg bs ca cs cy da de el en es et fa fi fr gl he hi hr hu hy id is it ja kk kn ko lt lv mi mk mr
	ms ne nl no pl pt ro ru sk sl sr sv sw ta th tl tr uk ur vi zh`)

// unheard is about a voice message that the server understood and did not want. That is the message's fault: others may be heard.
func (f *failure) unheard(err error) error {
	switch {
	case f.status == http.StatusRequestEntityTooLarge || f.has("too large", "maximum content size", "file size"):
		return fault.Reject("the voice message is larger than the server takes", err)
	case f.has("too short", "audio_too_short"):
		return fault.Reject("nothing was understood in the voice message: it is too short", err)
	case f.status == http.StatusUnsupportedMediaType || f.has("invalid file format", "could not be decoded", "unsupported file"):
		return fault.Reject("the server cannot read the voice message's sound", err)
	}
	return fault.Reject("the server refused the voice message; if it refuses every one, check "+f.to.nameName, err)
}
