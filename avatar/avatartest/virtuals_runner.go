package avatartest

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

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
		c := call{w: w, r: r, srv: srv, as: as, prompt: Prompt{VirtualID: g.virtual, UserUID: g.user}}
		if r.Method == http.MethodPost {
			if err := v.readPrompt(&c.prompt, r, body); err != nil {
				runnerError(w, http.StatusBadRequest, err.Error())
				return
			}
		}
		c.fault = v.next(at, c.prompt.heard())
		c.prompt.Fault = c.fault.Name
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

// runnerError answers in the shape of the runner.
func runnerError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"error": message})
}
