package virtuals

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"path"
	"strconv"
	"strings"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

// upload is the body of a call that is no JSON.
type upload struct {
	contentType string
	data        []byte
}

// recording is the body of /prompts for a voice message. Overrides are not in it: the service names no place for them. Its file has a name of
// ours: people's own names for files are nobody's business.
func (b *Backend) recording(t avatar.Turn) (upload, error) {
	if len(t.Voice.Data) == 0 {
		return upload{}, fault.Reject("the voice message is empty", nil)
	}
	kind, ext := form(t.Voice)
	var body bytes.Buffer
	body.Grow(len(t.Voice.Data) + 1024)
	w := multipart.NewWriter(&body)
	part, _ := w.CreatePart(textproto.MIMEHeader{ // a bytes.Buffer never fails
		"Content-Disposition": {fmt.Sprintf(`form-data; name="audio"; filename="recording%s"`, ext)},
		"Content-Type":        {kind},
	})
	_, _ = part.Write(t.Voice.Data)
	fields := [][2]string{{"skipTTS", strconv.FormatBool(!b.cfg.Speech)}, {"userName", userName(t)}, {"botName", b.cfg.botName()}}
	if t.Text != "" {
		fields = append(fields, [2]string{"text", t.Text})
	}
	for _, f := range fields {
		_ = w.WriteField(f[0], f[1])
	}
	_ = w.Close()
	return upload{w.FormDataContentType(), body.Bytes()}, nil
}

// extensions are those of media types, without "audio/", "video/", "application/" and "x-".
var extensions = map[string]string{
	"ogg": ".ogg", "opus": ".ogg", "webm": ".webm", "mpeg": ".mp3", "mp3": ".mp3", "mp4": ".mp4", "m4a": ".m4a", "aac": ".aac", "wav": ".wav", "wave": ".wav", "flac": ".flac",
}

// form is a voice message's media type without parameters, and what its file's name ends in, "" if neither type nor name tell.
func form(v *avatar.Voice) (kind, ext string) {
	kind, _, _ = strings.Cut(strings.ToLower(v.Type), ";")
	kind = strings.TrimSpace(kind)
	if !plain(kind) {
		kind = "application/octet-stream"
	}
	_, minor, _ := strings.Cut(kind, "/")
	if ext = extensions[strings.TrimPrefix(minor, "x-")]; ext != "" {
		return kind, ext
	}
	ext = strings.ToLower(path.Ext(v.Name))
	if len(ext) > 6 || strings.Trim(ext, ".abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		ext = ""
	}
	return kind, ext
}

// plain reports whether s can stand in a header.
func plain(s string) bool {
	return strings.Count(s, "/") == 1 && len(s) < 100 && strings.Trim(s, "/abcdefghijklmnopqrstuvwxyz0123456789.+-") == ""
}

// unheard turns the outcome of a voice message that the service understood and did not want into that message's fault: others may be heard.
func (a *answer) unheard(err error) error {
	switch o := fault.Of(err); {
	case o.Kind != fault.Dead || o.Reason != runnerCall.malformed:
		return err
	case a.status == http.StatusRequestEntityTooLarge:
		return fault.Reject("the voice message is larger than the service takes", o.Err)
	default:
		return fault.Reject("the service refused the voice message: it may not take its form", o.Err)
	}
}
