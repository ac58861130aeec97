package bridgetest

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
)

// maxDownload is the largest file that a bot may fetch.
const maxDownload = 20 << 20

// SentFile is a file that was sent, by a person or by a bot.
type SentFile struct {
	Kind string // of a person's: "voice", "audio", "document", "photo", "video"
	Name string
	Type string // media type, as the sender gives it for a person's file, as the content has it for a bot's
	Data []byte
}

type storedFile struct {
	wireFile
	data []byte
}

// store keeps a file and returns how messages speak of it; needs t.mu.
func (t *Telegram) store(f *SentFile) wireFile {
	id := "AwAC" + randomText(60)
	w := wireFile{FileID: id, FileUniqueID: randomText(15), FileName: f.Name, MimeType: f.Type, FileSize: int64(len(f.Data))}
	path := w
	path.FilePath = fmt.Sprintf("%ss/file_%d", f.Kind, t.nextID.Add(1))
	t.files[id] = &storedFile{path, f.Data}
	t.paths[path.FilePath] = f.Data
	return w
}

// attach puts the line's file into the message; needs t.mu.
func (t *Telegram) attach(m *wireMessage, l Line) {
	w := t.store(l.File)
	zero := 1
	switch l.File.Kind {
	case "voice":
		w.FileName, w.Duration = "", &zero
		m.Voice = &w
	case "audio":
		w.Duration = &zero
		m.Audio = &w
	case "video":
		w.Width, w.Height, w.Duration = 320, 240, &zero
		m.Video = &w
	case "photo":
		small := w
		small.FileName, small.MimeType, small.Width, small.Height = "", "", 90, 60
		large := t.store(l.File)
		large.FileName, large.MimeType, large.Width, large.Height = "", "", 800, 600
		m.Photo = []wireFile{small, large}
	default:
		m.Document = &w
	}
	m.Caption, m.CaptionEntities = l.Text, entitiesOf(l.Text, l.Named)
}

// sendFile is sendVoice, sendAudio and sendDocument.
func (t *Telegram) sendFile(bot *Bot, kind string, p params) *answer {
	f, refused := t.uploaded(kind, p)
	if refused != nil {
		return refused
	}
	text, refused := format(p.text("caption"), p.text("parse_mode"), maxCaption, "message caption is too long")
	if refused != nil {
		return refused
	}
	f.Kind = shownAs(kind, f.Type)
	m := &wireMessage{Caption: text.text, CaptionEntities: text.entities}
	t.mu.Lock()
	w := t.store(f)
	t.mu.Unlock()
	length := p.number("duration", 1, 0, 1<<30)
	switch f.Kind {
	case "voice":
		w.Duration, w.FileName = &length, ""
		m.Voice = &w
	case "audio":
		w.Duration = &length
		m.Audio = &w
	default:
		m.Document = &w
	}
	return t.post(p, &outgoing{bot: bot, kind: f.Kind, raw: p.text("caption"), mode: p.text("parse_mode"), file: f, m: m})
}

// uploaded returns the file of a call: a part of the form, named by the parameter itself or by attach://, or the id of a known file.
func (t *Telegram) uploaded(kind string, p params) (*SentFile, *answer) {
	u := p.files[kind]
	ref := p.text(kind)
	if name, ok := strings.CutPrefix(ref, "attach://"); ok {
		u = p.files[name]
	}
	switch {
	case u != nil && len(u.data) == 0:
		return nil, badRequest("file must be non-empty")
	case u != nil && len(u.data) > maxUpload:
		return nil, failure(http.StatusRequestEntityTooLarge, "Request Entity Too Large")
	case u != nil:
		return &SentFile{Name: u.name, Type: sniff(u.data), Data: u.data}, nil
	case ref == "":
		return nil, badRequest("there is no " + kind + " in the request")
	case strings.HasPrefix(ref, "http://") || strings.HasPrefix(ref, "https://"):
		return nil, badRequest("failed to get HTTP URL content") // the simulator fetches nothing
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.files[ref]
	if known == nil {
		return nil, badRequest("wrong remote file identifier specified: Wrong string length")
	}
	return &SentFile{Name: known.FileName, Type: sniff(known.data), Data: known.data}, nil
}

// shownAs is what a file becomes: a voice message needs OGG with Opus, MP3 or M4A, an audio MP3 or M4A; what is something else is shown
// as audio or as a document.
func shownAs(kind, mediaType string) string {
	switch {
	case kind == "voice" && (mediaType == "audio/ogg; codecs=opus" || mediaType == "audio/mpeg" || mediaType == "audio/mp4"):
		return "voice"
	case kind != "document" && (mediaType == "audio/mpeg" || mediaType == "audio/mp4"):
		return "audio"
	}
	return "document"
}

// sniff tells a file's type by its content.
func sniff(data []byte) string {
	head := data[:min(len(data), 512)]
	switch {
	case bytes.HasPrefix(head, []byte("OggS")) && bytes.Contains(head, []byte("OpusHead")):
		return "audio/ogg; codecs=opus"
	case bytes.HasPrefix(head, []byte("OggS")):
		return "audio/ogg"
	case bytes.HasPrefix(head, []byte("ID3")), len(head) > 1 && head[0] == 0xff && head[1]&0xe6 == 0xe2: // layer III
		return "audio/mpeg"
	case len(head) > 11 && string(head[4:8]) == "ftyp" && (string(head[8:11]) == "M4A" || string(head[8:11]) == "mp4" || string(head[8:11]) == "iso"):
		return "audio/mp4"
	case bytes.HasPrefix(head, []byte("RIFF")) && len(head) > 11 && string(head[8:12]) == "WAVE":
		return "audio/wav"
	}
	return http.DetectContentType(head)
}

// getFile is the method of that name.
func (t *Telegram) getFile(p params) *answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.files[p.text("file_id")]
	switch {
	case p.text("file_id") == "":
		return badRequest("file_id not specified")
	case f == nil:
		return badRequest("invalid file_id")
	case f.FileSize > maxDownload:
		return badRequest("file is too big")
	}
	return good(wireFile{FileID: f.FileID, FileUniqueID: f.FileUniqueID, FileSize: f.FileSize, FilePath: f.FilePath}, "")
}

// serveFile serves what getFile named.
func (t *Telegram) serveFile(w http.ResponseWriter, token, path string) {
	bot := t.bot(token)
	t.mu.Lock()
	data := t.paths[path]
	t.mu.Unlock()
	if bot == nil || data == nil {
		write(w, failure(http.StatusNotFound, "Not Found"))
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(data)
}
