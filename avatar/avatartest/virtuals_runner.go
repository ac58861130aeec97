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
	"time"
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
	Fault     string
}

func (p Prompt) heard() Heard {
	return Heard{Memory: p.VirtualID + "/" + p.UserUID, UserName: p.UserName, Text: p.Text, Fault: p.Fault}
}

// runner is the handler of the runner n.
func (v *Virtuals) runner(n int) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /cores", v.runnerCall(n, CoresAsked, v.serveCores))
	mux.Handle("GET /model", v.runnerCall(n, ModelAsked, v.serveModel))
	mux.Handle("POST /prompts", v.runnerCall(n, PromptReceived, v.servePrompt))
	mux.Handle("POST /prompts/voice", v.runnerCall(n, VoiceAsked, v.serveVoice))
	mux.HandleFunc("GET /audios/{name}", serveWAV)
	return mux
}

// A call is a request with a good token, and the fault that it meets.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	srv    *server
	fault  Fault
	prompt Prompt
	as     Virtual
}

// runnerCall reads the body before all else, so that a client that hangs up ends a stalled call.
func (v *Virtuals) runnerCall(n int, at Step, serve func(call)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		srv := v.runners[n]
		body, err := readBody(r)
		if err != nil {
			runnerError(w, http.StatusRequestEntityTooLarge, "request entity too large")
			return
		}
		g, err := v.tokens.check(r.Header.Get("Authorization"))
		as, known := v.cfg.Virtuals[g.virtual]
		if err != nil || g.runner != srv.url || !known || g.user == "" {
			v.answering(TokenRefused, Heard{Memory: g.virtual + "/" + g.user}, func() { runnerError(w, http.StatusUnauthorized, "Unauthorized") })
			return
		}
		c := call{w: w, r: r, srv: srv, fault: v.next(at), as: as, prompt: Prompt{VirtualID: g.virtual, UserUID: g.user}}
		c.prompt.Fault = c.fault.Name
		if r.Method == http.MethodPost {
			if err := v.readPrompt(&c.prompt, r, body); err != nil {
				runnerError(w, http.StatusBadRequest, err.Error())
				return
			}
		}
		v.note(at, c.prompt)
		v.step(at, c.prompt.heard())
		if c.fault.late || !c.fault.serve(srv, w, r) {
			serve(c)
		}
	})
}

func (v *Virtuals) note(at Step, p Prompt) {
	switch at {
	case PromptReceived:
		v.prompts.add(p)
	case VoiceAsked:
		v.voices.add(p)
	}
}

func (v *Virtuals) serveCores(c call) {
	if !c.fault.late || !c.fault.serve(c.srv, c.w, c.r) {
		writeJSON(c.w, http.StatusOK, map[string]any{"data": append([]string{}, c.as.Cores...)})
	}
}

func (v *Virtuals) serveModel(c call) {
	if c.as.Model == "" {
		runnerError(c.w, http.StatusNotFound, "no model")
		return
	}
	writeJSON(c.w, http.StatusOK, map[string]any{"data": map[string]string{"model": c.as.Model}})
}

func (v *Virtuals) servePrompt(c call) {
	if !slices.Contains(c.as.Cores, LLM) {
		runnerError(c.w, http.StatusOK, "core llm is not available")
		return
	}
	if !c.srv.wait(c.r, time.Duration(v.delay.Load())) {
		hangUp(c.w)
		return
	}
	a := (*v.script.Load())(c.prompt)
	v.memory.add(memoryKey{c.prompt.VirtualID, c.prompt.UserUID}, c.prompt.Text)
	if c.fault.late && c.fault.serve(c.srv, c.w, c.r) {
		return
	}
	if a.AudioUID == "" && slices.Contains(c.as.Cores, TTS) && !c.as.LateVoice && !c.prompt.SkipTTS {
		a.AudioUID = v.audio(c.srv)
	}
	v.answering(PromptAnswered, c.prompt.heard(), func() {
		if a.Raw != "" {
			writeBody(c.w, http.StatusOK, "application/json", []byte(a.Raw))
		} else {
			writeJSON(c.w, http.StatusOK, a)
		}
	})
}

func (v *Virtuals) serveVoice(c call) {
	if !slices.Contains(c.as.Cores, TTS) {
		runnerError(c.w, http.StatusOK, "core tts is not available")
		return
	}
	if c.fault.late && c.fault.serve(c.srv, c.w, c.r) {
		return
	}
	v.answering(VoiceAnswered, c.prompt.heard(), func() {
		writeJSON(c.w, http.StatusOK, map[string]string{"audioUid": v.audio(c.srv)})
	})
}

// audio is the URL of a new recording, which the runner itself serves.
func (v *Virtuals) audio(s *server) string {
	return fmt.Sprintf("%s/audios/%d.wav", s.url, v.replies.Add(1))
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
	p.AudioName = header.Filename
	if v.cfg.Transcribe != nil {
		p.Text = v.cfg.Transcribe(p.Audio)
	} else {
		p.Text = fmt.Sprintf("a voice message of %d bytes", len(p.Audio))
	}
	return nil
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
		if p.Extra == nil {
			p.Extra = make(map[string]any)
		}
		p.Extra[name] = extra
	}
	if p.Text == "" {
		return errors.New("text is required")
	}
	return nil
}

// runnerError answers in the shape of the runner.
func runnerError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"error": message})
}
