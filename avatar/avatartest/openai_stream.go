package avatartest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// brokenStream is how a stream goes wrong after some pieces of text.
type brokenStream struct {
	after   int
	raw     string        // written as it is
	endless bool          // the text goes on for ever
	every   time.Duration // endless: a piece comes so often
	stall   bool          // nothing comes any more but comments that keep the connection
	cut     bool          // the connection breaks; else the stream ends as if nothing was
	wrong   *modelError   // an error, as the dialect writes it
}

// StreamStalls lets a stream say nothing after n pieces of its text. Comments go on to keep the connection.
func StreamStalls(n int) Fault {
	return Fault{Name: "stalled stream", stream: &brokenStream{after: n, stall: true}}
}

// StreamCut cuts the connection after n pieces.
func StreamCut(n int) Fault {
	return Fault{Name: "cut stream", stream: &brokenStream{after: n, cut: true}}
}

// StreamEnds ends the answer after n pieces, without a reason to finish and [DONE].
func StreamEnds(n int) Fault {
	return Fault{Name: "unfinished stream", stream: &brokenStream{after: n}}
}

// StreamEndless lets the text of a stream go on for ever after n pieces, with a sentence every so often.
func StreamEndless(n int, every time.Duration) Fault {
	return Fault{Name: "endless stream", stream: &brokenStream{after: n, endless: true, every: every}}
}

// StreamWrites writes raw into the stream after n pieces, and ends it.
func StreamWrites(n int, raw string) Fault {
	return Fault{Name: fmt.Sprintf("stream with %.40q", raw), stream: &brokenStream{after: n, raw: raw}}
}

// StreamFails ends the stream after n pieces with an error, in the shape that the server's dialect has for it.
func StreamFails(n int, message, kind, code string) Fault {
	e := modelError{Message: message, Type: kind, Code: code}
	return Fault{Name: "error inside the stream: " + kind + " " + code, stream: &brokenStream{after: n, wrong: &e}}
}

// A writer writes one stream.
type writer struct {
	io.Writer
	*http.ResponseController
	o *OpenAI
	r *http.Request
	c ChatRequest
}

func (o *OpenAI) stream(w http.ResponseWriter, r *http.Request, c ChatRequest, a ChatAnswer, broken *brokenStream) {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	s := &writer{w, http.NewResponseController(w), o, r, c}
	_, _ = io.WriteString(s, ": keep-alive\n\n")
	s.delta(map[string]any{"role": "assistant", "content": ""}, nil)
	for _, piece := range cut(a.Think) {
		s.delta(map[string]any{o.cfg.Dialect.thinking(): piece}, nil)
	}
	for i, piece := range a.pieces() {
		if broken != nil && i == broken.after {
			break
		}
		if !s.let(a.Gate) || !o.srv.wait(r, time.Duration(o.pace.Load())) || !s.delta(map[string]any{"content": piece}, nil) {
			return
		}
		if a.Gate != nil {
			o.step(PieceSent, o.heard(c))
		}
	}
	if broken != nil {
		s.breaks(w, broken)
		return
	}
	s.delta(map[string]any{}, a.finish())
	if c.StreamOptions.IncludeUsage {
		s.data(s.chunk([]any{}, usage(c, a)))
	}
	s.done()
}

// let waits until the gate lets a piece out, and says whether it is still wanted then. No gate lets all out.
func (s *writer) let(gate <-chan struct{}) bool {
	if gate == nil {
		return true
	}
	select {
	case <-gate:
		return true
	case <-s.r.Context().Done():
	case <-s.o.srv.quit.Done():
	}
	return false
}

// thinking is the field that holds what a model thinks.
func (d Dialect) thinking() string {
	if d == Ollama || d == VLLM {
		return "reasoning"
	}
	return "reasoning_content"
}

// inlined puts the thoughts into the text if they belong there.
func (a ChatAnswer) inlined() ChatAnswer {
	if a.Inline && a.Think != "" {
		thought := "<think>\n" + a.Think + "\n</think>\n\n"
		if a.Pieces != nil {
			a.Pieces = append(cut(thought), a.Pieces...)
		}
		a.Text, a.Think = thought+a.Text, ""
	}
	return a
}

func (a ChatAnswer) pieces() []string {
	if a.Pieces != nil {
		return a.Pieces
	}
	return cut(a.Text)
}

// cut makes pieces of three letters, or a hundred pieces, so that long texts cost no thousands of writes.
func cut(text string) (pieces []string) {
	runes := []rune(text)
	for size := max(3, len(runes)/100); len(runes) > 0; {
		n := min(size, len(runes))
		pieces, runes = append(pieces, string(runes[:n])), runes[n:]
	}
	return pieces
}

func (s *writer) breaks(w http.ResponseWriter, b *brokenStream) {
	switch {
	case b.stall:
		for s.o.srv.wait(s.r, 10*time.Millisecond) && s.comment() {
		}
		hangUp(w)
	case b.endless:
		for s.o.srv.wait(s.r, b.every) && s.delta(map[string]any{"content": " And so it goes on."}, nil) {
		}
	case b.cut:
		hangUp(w)
	case b.wrong != nil:
		s.fails(*b.wrong)
	default:
		_, _ = io.WriteString(s, b.raw)
		_ = s.Flush()
	}
}

// fails writes an error as the dialect does within a stream.
func (s *writer) fails(e modelError) {
	switch s.o.cfg.Dialect {
	case Ollama:
		s.data(map[string]any{"error": e.Message})
	case VLLM:
		s.data(map[string]any{"error": s.o.cfg.Dialect.shape(http.StatusBadRequest, e)})
		s.done()
	case LlamaCpp:
		body, _ := json.Marshal(map[string]any{"code": 500, "message": e.Message, "type": e.Type}) // never fails
		_, _ = fmt.Fprintf(s, "error: %s\n\n", body)
		s.done()
	default:
		s.data(map[string]any{"error": e})
	}
}

func (s *writer) comment() bool {
	_, err := io.WriteString(s, ": keep-alive\n\n")
	return err == nil && s.Flush() == nil
}

// done ends the stream as the dialect does.
func (s *writer) done() {
	if s.o.cfg.Dialect != Ollama {
		_, _ = io.WriteString(s, "data: [DONE]\n\n")
	}
	_ = s.Flush()
}

// delta writes a chunk with one choice, and says whether it got through.
func (s *writer) delta(delta map[string]any, finish any) bool {
	choice := map[string]any{"index": 0, "delta": delta, "finish_reason": finish}
	switch s.o.cfg.Dialect {
	case VLLM:
		choice["stop_reason"], choice["token_ids"], choice["logprobs"] = nil, nil, nil
	case Reference:
		choice["logprobs"] = nil
	}
	return s.data(s.chunk([]any{choice}, nil))
}

func (s *writer) chunk(choices []any, used map[string]int) map[string]any {
	c := map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": time.Now().Unix(), "model": s.c.Model, "choices": choices,
	}
	if s.c.StreamOptions.IncludeUsage {
		c["usage"] = used
	}
	switch s.o.cfg.Dialect {
	case Ollama:
		c["system_fingerprint"] = "fp_ollama"
	case LlamaCpp:
		c["timings"] = map[string]any{"prompt_n": 1, "predicted_per_second": 42.5}
	case Reference:
		c["service_tier"], c["system_fingerprint"], c["obfuscation"] = "default", "fp_1", "aGVsbG8"
	}
	return c
}

func (s *writer) data(v any) bool {
	body, err := json.Marshal(v)
	if err != nil {
		return false
	}
	_, err = fmt.Fprintf(s, "data: %s\n\n", body)
	return err == nil && s.Flush() == nil
}
