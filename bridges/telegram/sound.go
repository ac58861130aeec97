package telegram

import (
	"context"
	"mime"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// maxUpload is the largest file that a bot may send (https://core.telegram.org/bots/api#sending-files).
const maxUpload = 50 << 20

const voiceType = "audio/ogg"

// sendSound uploads a sound in the way that form names.
func (b *Bridge) sendSound(ctx context.Context, form bridges.Form, params tgbotapi.Params) (string, error) {
	if form.Audio == nil || b.media == nil {
		return "", fault.Reject("there is no sound to upload", nil)
	}
	f, err := b.sound(ctx, form.Kind, *form.Audio)
	if err != nil {
		return "", err
	}
	if len(f.Data) == 0 || len(f.Data) > maxUpload {
		return "", fault.Reject("Telegram takes files of up to 50 MB, and no empty ones", nil)
	}
	method := map[string]string{formVoice: "sendVoice", formAudio: "sendAudio", formDocument: "sendDocument"}[form.Kind]
	if form.Kind == formDocument {
		params["disable_content_type_detection"] = "true"
	}
	files := []tgbotapi.RequestFile{{Name: form.Kind, Data: tgbotapi.FileBytes{Name: f.Name, Bytes: f.Data}}}
	return b.post(ctx, fileTimeout, method, func(x *exchange) (*tgbotapi.APIResponse, error) {
		return x.api().UploadFiles(method, params, files)
	})
}

// sound fetches a in a format that Telegram takes as kind.
func (b *Bridge) sound(ctx context.Context, kind string, a bridges.Audio) (*bridges.File, error) {
	if kind != formVoice {
		f, err := b.fetch(ctx, a, "")
		if err == nil && kind == formAudio && !playable(f.Type) {
			return nil, fault.Reject("Telegram plays only MP3 and M4A", nil)
		}
		return f, err
	}
	if playable(a.Type) {
		return b.fetch(ctx, a, "")
	}
	f, err := b.fetch(ctx, a, voiceType)
	if err == nil || a.Type != "" || fault.Of(err).Kind != fault.Rejected {
		return f, err
	}
	if f, err = b.fetch(ctx, a, ""); err == nil && !playable(f.Type) && baseType(f.Type) != voiceType {
		return nil, fault.Reject("voice messages need OGG with Opus, MP3 or M4A", nil)
	}
	return f, err
}

func (b *Bridge) fetch(ctx context.Context, a bridges.Audio, want string) (*bridges.File, error) {
	f, err := b.media.Fetch(ctx, a, want)
	if err == nil && f == nil {
		return nil, fault.Reject("there is no sound to upload", nil)
	}
	return f, err
}

// playable reports whether Telegram plays a type as music, and takes it for voice messages too.
func playable(mediaType string) bool {
	switch baseType(mediaType) {
	case "audio/mpeg", "audio/mp3", "audio/mp4", "audio/m4a", "audio/x-m4a":
		return true
	}
	return false
}

func baseType(mediaType string) string {
	t, _, err := mime.ParseMediaType(mediaType)
	if err != nil {
		return ""
	}
	return t
}
