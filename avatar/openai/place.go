package openai

import "net/url"

// The paths of calls.
const (
	chatPath       = "/chat/completions"
	modelsPath     = "/models"
	speechPath     = "/audio/speech"
	transcribePath = "/audio/transcriptions"
)

// A place is where a call goes, with the words that the operator knows it by.
type place struct {
	path     string
	base     *url.URL
	key      string
	model    string
	urlName  string
	keyName  string
	nameName string // the key of model
}

// place says where the calls of a path go.
func (b *Backend) place(path string) place {
	c := &b.cfg
	p := place{path, b.base, c.APIKey, c.Model, "base_url", "api_key", "model"}
	switch path {
	case speechPath:
		p.model, p.nameName = c.SpeechModel, "speech_model"
	case transcribePath:
		p.model, p.nameName = c.Transcribe, "transcribe"
		if b.ears != nil { // api_key belongs to another server
			p.base, p.key, p.urlName, p.keyName = b.ears, c.TranscribeKey, "transcribe_url", "transcribe_key"
		}
	}
	return p
}

// host is how the server is called in messages.
func (p *place) host() string { return p.base.Host }

func (p *place) url() string { return p.base.String() + p.path }
