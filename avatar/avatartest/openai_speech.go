package avatartest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"
)

// SpeechRequest is a call of /v1/audio/speech as the server understood it.
type SpeechRequest struct {
	Model          string  `json:"model"`
	Input          string  `json:"input"`
	Voice          string  `json:"voice"`
	ResponseFormat string  `json:"response_format"` // "" is mp3
	Speed          float64 `json:"speed"`
	Instructions   string  `json:"instructions"`
	Fault          string  `json:"-"`
}

// speechModels are those that speak.
var speechModels = []string{"tts-1", "tts-1-hd", "gpt-4o-mini-tts"}

// maxInput is how many characters may be spoken at once.
const maxInput = 4096

func (o *OpenAI) serveSpeech(w http.ResponseWriter, r *http.Request) {
	var s SpeechRequest
	body, err := readBody(r)
	if err != nil || json.Unmarshal(body, &s) != nil || !isJSON(r) {
		o.refuse(w, http.StatusBadRequest, invalid("We could not parse the JSON body of your request.", "", ""))
		return
	}
	h := Heard{Text: s.Input}
	f := o.next(SpeechAsked, h)
	s.Fault = f.Name
	o.speeches.add(s)
	o.step(SpeechAsked, h)
	if f.serve(o.srv, w, r) || !o.admitted(w, r) {
		return
	}
	switch {
	case !slices.Contains(speechModels, s.Model):
		o.refuse(w, http.StatusNotFound, invalid(fmt.Sprintf("The model `%s` does not exist.", s.Model), "", "model_not_found"))
	case s.Input == "" || s.Voice == "":
		o.refuse(w, http.StatusBadRequest, invalid("[{'type': 'missing', 'loc': ('body', 'voice')}]", "", ""))
	case utf8.RuneCountInString(s.Input) > maxInput:
		o.refuse(w, http.StatusBadRequest, invalid("[{'type': 'string_too_long', 'loc': ('body', 'input')}]", "", ""))
	case s.ResponseFormat == "wav":
		o.answering(SpeechAnswered, h, func() { serveWAV(w, r) })
	case s.ResponseFormat == "" || s.ResponseFormat == "mp3":
		o.answering(SpeechAnswered, h, func() { writeBody(w, http.StatusOK, "audio/mpeg", silentMP3()) })
	default:
		o.refuse(w, http.StatusBadRequest, invalid("the simulator speaks mp3 and wav", "response_format", "invalid_value"))
	}
}

// silentMP3 is a quarter of a second of silence: ten frames of MPEG 1 layer III, 128 kbit/s, 44.1 kHz.
func silentMP3() []byte {
	frame := make([]byte, 417)
	copy(frame, "\xff\xfb\x90\x64")
	return bytes.Repeat(frame, 10)
}

func (o *OpenAI) serveModels(w http.ResponseWriter, r *http.Request) {
	f := o.next(ModelsListed, Heard{})
	o.step(ModelsListed, Heard{Fault: f.Name})
	if f.serve(o.srv, w, r) || !o.admitted(w, r) {
		return
	}
	list := []any{}
	for _, m := range o.cfg.Models {
		list = append(list, map[string]any{"id": m, "object": "model", "created": time.Now().Unix(), "owned_by": "library"})
	}
	writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": list})
}
