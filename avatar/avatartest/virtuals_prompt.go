package avatartest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
)

// Prompt is one call of /prompts or /prompts/voice.
type Prompt struct {
	VirtualID string // from the token's claims
	UserUID   string // from the token's claims
	Text      string // of a voice message: what was heard in it
	UserName  string
	BotName   string
	SkipTTS   bool
	Extra     map[string]any // keys of the body that the wire does not name; numbers are json.Number
	Audio     []byte         // the voice message, nil for text
	AudioName string
	AudioType string
	Fault     string
}

func (p Prompt) heard() Heard {
	return Heard{Memory: p.VirtualID + "/" + p.UserUID, UserName: p.UserName, Text: p.Text, Fault: p.Fault}
}

// readPrompt reads a body as JSON or, for a voice message, as a form.
func (v *Virtuals) readPrompt(p *Prompt, r *http.Request, body []byte) error {
	if isJSON(r) {
		return p.fromJSON(body)
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return errors.New("neither application/json nor multipart/form-data")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := r.ParseMultipartForm(maxBody); err != nil {
		return errors.New("invalid form")
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }()
	p.UserName, p.BotName, p.SkipTTS = r.FormValue("userName"), r.FormValue("botName"), r.FormValue("skipTTS") == "true"
	for name, values := range r.MultipartForm.Value {
		if !slices.Contains([]string{"userName", "botName", "skipTTS"}, name) {
			p.more(name, values[0])
		}
	}
	file, header, err := r.FormFile("audio")
	if err != nil {
		return errors.New("no part named audio")
	}
	return v.hear(p, file, header)
}

func (v *Virtuals) hear(p *Prompt, file multipart.File, header *multipart.FileHeader) (err error) {
	defer func() { _ = file.Close() }()
	if p.Audio, err = io.ReadAll(file); err != nil {
		return errors.New("unreadable audio")
	}
	p.AudioName, p.AudioType = header.Filename, header.Header.Get("Content-Type")
	if v.cfg.Transcribe != nil {
		p.Text = v.cfg.Transcribe(p.Audio)
	} else {
		p.Text = overheard(p.Audio)
	}
	return nil
}

func (p *Prompt) more(name string, value any) {
	if p.Extra == nil {
		p.Extra = make(map[string]any)
	}
	p.Extra[name] = value
}

func (p *Prompt) fromJSON(body []byte) error {
	var keys map[string]json.RawMessage
	if json.Unmarshal(body, &keys) != nil {
		return errors.New("invalid JSON body")
	}
	known := map[string]any{"text": &p.Text, "userName": &p.UserName, "botName": &p.BotName, "skipTTS": &p.SkipTTS}
	for name, raw := range keys {
		if into := known[name]; into != nil {
			if json.Unmarshal(raw, into) != nil {
				return fmt.Errorf("%s has the wrong type", name)
			}
			continue
		}
		var extra any
		_ = decode(raw, &extra) // it is part of a body that was valid
		p.more(name, extra)
	}
	if p.Text == "" {
		return errors.New("text is required")
	}
	return nil
}
