package discord

import (
	"bytes"
	"context"
	"mime"
	"path"
	"strings"

	"github.com/bwmarrin/discordgo"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// maxUpload is the largest file that every server takes (https://discord.com/developers/docs/reference#uploading-files).
const maxUpload = 10 << 20

const voiceType = "audio/ogg"

// sendSound uploads a sound in the way that the message's form names.
func (b *Bridge) sendSound(ctx context.Context, m *bridges.Message) (string, error) {
	form := m.Forms[0]
	if form.Audio == nil || b.media == nil {
		return "", fault.Reject("there is no sound to upload", nil)
	}
	if form.Kind == formVoice && !m.Place.Direct {
		return "", fault.Reject("voice messages are for direct messages: in a server it is a file", nil)
	}
	want := ""
	if form.Kind == formVoice {
		want = voiceType
	}
	f, err := b.media.Fetch(ctx, *form.Audio, want)
	if err != nil {
		return "", err
	}
	if f == nil || len(f.Data) == 0 || len(f.Data) > maxUpload {
		return "", fault.Reject("Discord takes files of up to 10 MiB, and no empty ones", nil)
	}
	p := newPost(m)
	about := attached{Filename: fileName(f, m.ID)}
	kind := f.Type
	if form.Kind == formVoice {
		v, ok := readVoice(f.Data)
		if !ok {
			return "", fault.Reject("voice messages need OGG with Opus", nil)
		}
		kind, p.Flags, p.Reference = voiceType, flagVoice, nil
		about.Duration, about.Waveform = v.seconds, v.waveform()
	}
	p.Attachments = []attached{about}
	files := []*discordgo.File{{Name: about.Filename, ContentType: kind, Reader: bytes.NewReader(f.Data)}}
	if form.Kind == formAnswerFile {
		return b.reply(ctx, m, &post{Allowed: nobody(), Attachments: p.Attachments}, files)
	}
	return b.post(ctx, m.Place, p, files)
}

// fileName is a name by which the post can be found again.
func fileName(f *bridges.File, post string) string {
	ext := path.Ext(f.Name)
	base := strings.Map(func(r rune) rune {
		if r < 0x80 && (r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return r
		}
		return -1
	}, strings.TrimSuffix(f.Name, ext))
	if ext == "" {
		if exts, err := mime.ExtensionsByType(f.Type); err == nil && len(exts) > 0 {
			ext = exts[0]
		}
	}
	return base[:min(len(base), 32)] + "-" + post + ext
}
