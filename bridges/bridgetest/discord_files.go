package bridgetest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// DiscordFile is a file in a message.
type DiscordFile struct {
	Name        string
	Type        string // media type
	Data        []byte
	Description string
	Duration    float64 // seconds, of voice messages
	Waveform    []byte  // of voice messages
}

// attachmentBody is an entry of attachments in a request.
type attachmentBody struct {
	ID          json.RawMessage `json:"id"`
	Filename    string          `json:"filename"`
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Duration    *float64        `json:"duration_secs"`
	Waveform    *string         `json:"waveform"`
}

// storedAttachment is a file with what the request says of it.
type storedAttachment struct {
	*discordUpload
	about attachmentBody
}

func (a attachmentBody) id() string { return strings.Trim(string(a.ID), `"`) }

// readFiles puts the files and their metadata together, in the order of the metadata if there is any.
func (b *messageBody) readFiles(form discordForm) ([]storedAttachment, *discordAnswer) {
	var list []storedAttachment
	used := map[int]bool{}
	if b.Attachments != nil {
		for i, a := range *b.Attachments {
			field := fmt.Sprintf("attachments.%d.", i)
			n, err := strconv.Atoi(a.id())
			switch {
			case len(a.ID) == 0:
				return nil, dInvalid(field+"id", "BASE_TYPE_REQUIRED", "This field is required")
			case utf8.RuneCountInString(a.Description) > 1024:
				return nil, dInvalid(field+"description", "BASE_TYPE_MAX_LENGTH", "Must be 1024 or fewer in length.")
			case err == nil && form.files[n] != nil:
				used[n] = true
				list = append(list, storedAttachment{form.files[n], a})
			case err != nil || n < 1<<22: // no snowflake of a file that an edit keeps
				return nil, dFailure(http.StatusBadRequest, 50146, "Uploaded file not found.")
			}
		}
	}
	for _, n := range form.order {
		if !used[n] {
			list = append(list, storedAttachment{discordUpload: form.files[n]})
		}
	}
	if len(list) > 10 {
		return nil, dInvalid("attachments", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
	}
	return list, nil
}

// kept are the old attachments that an edit names.
func (b *messageBody) kept(old []dAttachment) []dAttachment {
	list := []dAttachment{}
	for _, a := range old {
		if slices.ContainsFunc(*b.Attachments, func(have attachmentBody) bool { return have.id() == a.ID }) {
			list = append(list, a)
		}
	}
	return list
}

// checkVoice checks a voice message: one audio attachment with its metadata and nothing else. The documentation says how Discord's own
// clients record; nothing but OGG is known to play everywhere, so nothing else is taken here.
func (m *draft) checkVoice() *discordAnswer {
	b := m.body
	if m.text() != "" || len(b.Embeds)+len(b.Components)+len(b.Stickers) > 0 || len(b.Poll) > 0 {
		return dFailure(http.StatusBadRequest, 50159, "Voice messages do not support additional content.")
	}
	if len(m.files) != 1 || !strings.HasPrefix(m.files[0].mediaType(), "audio/") || !bytes.HasPrefix(m.files[0].data, []byte("OggS")) {
		return dFailure(http.StatusBadRequest, 50160, "Voice messages must have a single audio attachment.")
	}
	about := m.files[0].about
	if about.Duration == nil || about.Waveform == nil {
		return dFailure(http.StatusBadRequest, 50161, "Voice messages must have supporting metadata.")
	}
	if *about.Duration <= 0 {
		return dFailure(http.StatusBadRequest, 50192, "The provided file does not have a valid duration.")
	}
	if wave, err := base64.StdEncoding.DecodeString(*about.Waveform); err != nil || len(wave) == 0 || len(wave) > 256 {
		return dInvalid("attachments.0.waveform", "BASE_TYPE_BAD_TYPE", "The waveform is not base64 of 1 to 256 bytes.")
	}
	return nil
}

// mediaType is what the part's header says, else what the name's ending stands for.
func (u *discordUpload) mediaType() string {
	kind, _, _ := mime.ParseMediaType(u.kind)
	if kind != "" && kind != "application/octet-stream" {
		return kind
	}
	switch strings.ToLower(path.Ext(u.name)) {
	case ".ogg", ".oga", ".opus":
		return "audio/ogg"
	case ".mp3":
		return "audio/mpeg"
	case ".wav":
		return "audio/wav"
	}
	kind, _, _ = mime.ParseMediaType(mime.TypeByExtension(path.Ext(u.name)))
	return kind
}

// cdnFile is a file on the CDN.
type cdnFile struct {
	kind    string
	data    []byte
	hm      string
	expires time.Time
}

// store puts a file on the CDN and returns it as an attachment; needs d.mu.
func (d *Discord) store(c *DiscordChannel, f storedAttachment, ephemeral bool) dAttachment {
	name := f.name
	if f.about.Filename != "" {
		name = f.about.Filename
	}
	name = strings.Map(func(r rune) rune { // as Discord cleans names
		if strings.ContainsRune(" /\\?#%", r) {
			return '_'
		}
		return r
	}, name)
	w := dAttachment{
		ID: d.newID(), Filename: name, Title: f.about.Title, Description: f.about.Description, ContentType: f.mediaType(), Size: len(f.data),
		Duration: f.about.Duration, Ephemeral: ephemeral,
	}
	if f.about.Waveform != nil {
		w.Waveform = *f.about.Waveform
	}
	file := &cdnFile{kind: w.ContentType, data: f.data, hm: strings.ToLower(randomText(64)), expires: d.Now().Add(d.opt.LinkLife)}
	at := "/cdn/attachments/" + c.ID + "/" + w.ID + "/" + name
	d.files[at] = file
	w.URL = fmt.Sprintf("%s%s?ex=%x&is=%x&hm=%s&", d.URL(), at, file.expires.Unix(), d.Now().Unix(), file.hm)
	w.ProxyURL = w.URL
	return w
}

// serveCDN serves /cdn/attachments/{channel}/{attachment}/{name}. Its URLs are signed and expire.
func (d *Discord) serveCDN(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	f := d.files[r.URL.Path]
	d.mu.Unlock()
	q := r.URL.Query()
	if f == nil || q.Get("hm") != f.hm || q.Get("ex") != strconv.FormatInt(f.expires.Unix(), 16) || !d.Now().Before(f.expires) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("This content is no longer available."))
		return
	}
	if f.kind != "" {
		w.Header().Set("Content-Type", f.kind)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
}
