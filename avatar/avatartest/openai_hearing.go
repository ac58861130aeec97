package avatartest

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"
)

// TranscriptionRequest is a call of /v1/audio/transcriptions as the server understood it.
type TranscriptionRequest struct {
	Model    string
	Language string
	Format   string // response_format; "" is json
	Name     string // of the file
	Type     string // of the file, as the client called it
	Audio    []byte

	Keys  []string // the names of all fields that were sent, sorted
	Fault string
}

// The limits and the words of the API's reference.
const maxAudio = 25 << 20

var (
	transcribers  = []string{"whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe"}
	audioFiles    = []string{"flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"}
	hearingFields = []string{"chunking_strategy", "file", "include[]", "language", "model", "prompt", "response_format", "stream", "temperature", "timestamp_granularities[]"}
)

var errAudioTooLarge = errors.New("audio too large")

// readTranscription reads the form strictly: each field once, one file, nothing unknown.
func readTranscription(r *http.Request) (t TranscriptionRequest, err error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return t, errors.New("expected multipart/form-data")
	}
	form := multipart.NewReader(r.Body, params["boundary"])
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			slices.Sort(t.Keys)
			return t, nil
		}
		if err != nil {
			return t, errors.New("broken form")
		}
		if err := t.take(part); err != nil {
			_, _ = io.Copy(io.Discard, r.Body) // so that the client can read the answer
			return t, err
		}
	}
}

func (t *TranscriptionRequest) take(part *multipart.Part) error {
	name := part.FormName()
	if slices.Contains(t.Keys, name) || !slices.Contains(hearingFields, name) {
		return fmt.Errorf("unexpected field %q", name)
	}
	t.Keys = append(t.Keys, name)
	data, err := io.ReadAll(io.LimitReader(part, maxAudio+1))
	switch {
	case err != nil:
		return errors.New("broken form")
	case len(data) > maxAudio:
		return errAudioTooLarge
	case (name == "file") != (part.FileName() != ""):
		return fmt.Errorf("field %q must be a file, and no other", "file")
	}
	switch name {
	case "file":
		t.Name, t.Type, t.Audio = part.FileName(), part.Header.Get("Content-Type"), data
	case "model":
		t.Model = string(data)
	case "language":
		t.Language = string(data)
	case "response_format":
		t.Format = string(data)
	}
	return nil
}

func (o *OpenAI) serveTranscription(w http.ResponseWriter, r *http.Request) {
	t, err := readTranscription(r)
	h := Heard{}
	if len(t.Audio) > 0 {
		h.Text = o.transcript(t.Audio)
	}
	f := o.next(TranscriptionAsked, h)
	h.Fault, t.Fault = f.Name, f.Name
	o.hearings.add(t)
	o.step(TranscriptionAsked, h)
	if !f.late && f.serve(o.srv, w, r) || !o.admitted(w, r) {
		return
	}
	if errors.Is(err, errAudioTooLarge) {
		o.refuse(w, http.StatusRequestEntityTooLarge, invalid(fmt.Sprintf("413: Maximum content size limit (%d) exceeded", maxAudio), "", ""))
		return
	}
	if err != nil {
		o.refuse(w, http.StatusBadRequest, invalid("We could not parse the form of your request: "+err.Error(), "", ""))
		return
	}
	if status, e := t.judge(); status != 0 {
		o.refuse(w, status, e)
		return
	}
	if f.late && f.serve(o.srv, w, r) {
		return
	}
	o.answering(TranscriptionAnswered, h, func() {
		if t.Format == "text" {
			writeBody(w, http.StatusOK, "text/plain; charset=utf-8", []byte(h.Text+"\n"))
			return
		}
		writeJSON(w, http.StatusOK, map[string]any{"text": h.Text, "usage": map[string]any{"type": "duration", "seconds": 1}})
	})
}

// judge says what the API refuses about a call; a status of 0 is nothing.
func (t *TranscriptionRequest) judge() (status int, e modelError) {
	ext := strings.TrimPrefix(path.Ext(t.Name), ".")
	switch {
	case !slices.Contains(transcribers, t.Model):
		return http.StatusNotFound, invalid(fmt.Sprintf("The model `%s` does not exist or you do not have access to it.", t.Model), "", "model_not_found")
	case !slices.Contains(t.Keys, "file"):
		return http.StatusBadRequest, invalid("[{'type': 'missing', 'loc': ('body', 'file')}]", "", "")
	case !slices.Contains(audioFiles, ext):
		return http.StatusBadRequest, invalid(fmt.Sprintf("Unrecognized file format. Supported formats: %q", audioFiles), "", "")
	case len(t.Audio) == 0:
		return http.StatusBadRequest, invalid("Audio file is too short. Minimum audio length is 0.1 seconds.", "file", "audio_too_short")
	case t.Language != "" && len(t.Language) != 2:
		return http.StatusBadRequest, invalid("Invalid language '"+t.Language+"'. Language parameter must be specified in ISO-639-1 format.", "language", "invalid_language_format")
	case !slices.Contains([]string{"", "json", "text"}, t.Format):
		return http.StatusBadRequest, invalid("the simulator writes json and text", "response_format", "invalid_value")
	}
	return 0, modelError{}
}

func (o *OpenAI) transcript(audio []byte) string {
	if o.cfg.Transcribe != nil {
		return o.cfg.Transcribe(audio)
	}
	return overheard(audio)
}
