package avatartest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ChatRequest is a call of /v1/chat/completions as the server understood it.
type ChatRequest struct {
	Model         string        `json:"model"`
	Messages      []ChatMessage `json:"messages"`
	Stream        bool          `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	Temperature         *float64 `json:"temperature"`
	MaxTokens           *int     `json:"max_tokens"`
	MaxCompletionTokens *int     `json:"max_completion_tokens"`
	User                string   `json:"user"`

	Keys  []string `json:"-"` // the names of all fields that were sent, sorted
	Fault string   `json:"-"`
}

// ChatMessage is one message of a conversation.
type ChatMessage struct {
	Role    string  `json:"role"`
	Name    string  `json:"name"`
	Content content `json:"content"`
}

// content is a text, or a list of parts of it.
type content string

// UnmarshalJSON takes both.
func (c *content) UnmarshalJSON(b []byte) error {
	var parts []struct{ Type, Text string }
	if json.Unmarshal(b, (*string)(c)) == nil {
		return nil
	}
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	*c = ""
	for _, p := range parts {
		*c += content(p.Text)
	}
	return nil
}

// last is the content of the last message of a role.
func (r *ChatRequest) last(role string) string {
	for _, m := range slices.Backward(r.Messages) {
		if m.Role == role {
			return string(m.Content)
		}
	}
	return ""
}

// ChatAnswer is how a chat is answered.
type ChatAnswer struct {
	Text   string
	Pieces []string // what Text is streamed in; nil cuts it by itself
	Think  string   // sent before the text, in a field of its own, of which each dialect has its name
	Inline bool     // Think stands in the text instead, between tags
	Finish string   // "" is "stop"
	// Gate lets out one piece of a stream for each value that comes, which is counted as PieceSent, and all of them when it is closed.
	Gate <-chan struct{}
}

// known are the fields of the API's reference.
var known = strings.Fields(`audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens messages metadata
	modalities model n parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_retention reasoning_effort response_format
	safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity
	web_search_options`)

func readChat(r *http.Request) (c ChatRequest, err error) {
	body, err := readBody(r)
	if err != nil {
		return c, err
	}
	var fields map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(body, &fields), json.Unmarshal(body, &c)); err != nil {
		return c, err
	}
	c.Keys = slices.Sorted(maps.Keys(fields))
	return c, nil
}

func (o *OpenAI) serveChat(w http.ResponseWriter, r *http.Request) {
	c, err := readChat(r)
	if err != nil || !isJSON(r) {
		o.refuse(w, http.StatusBadRequest, invalid("We could not parse the JSON body of your request.", "", ""))
		return
	}
	f := o.next(ChatReceived, o.heard(c))
	c.Fault = f.Name
	o.chats.add(c)
	o.step(ChatReceived, o.heard(c))
	if !f.late && f.serve(o.srv, w, r) || !o.admitted(w, r) {
		return
	}
	if status, e := o.judge(&c); status != 0 {
		o.refuse(w, status, e)
		return
	}
	if !o.srv.wait(r, time.Duration(o.delay.Load())) {
		hangUp(w)
		return
	}
	a := (*o.script.Load())(c).inlined()
	if f.late && f.serve(o.srv, w, r) {
		return
	}
	o.answering(ChatAnswered, o.heard(c), func() {
		if c.Stream {
			o.stream(w, r, c, a, f.stream)
		} else {
			o.whole(w, c, a)
		}
	})
}

// judge says what the API refuses about a call; a status of 0 is nothing.
func (o *OpenAI) judge(c *ChatRequest) (status int, e modelError) {
	if !o.has(c.Model) {
		message := fmt.Sprintf("The model `%s` does not exist or you do not have access to it.", c.Model)
		if o.cfg.Dialect == Ollama {
			message = fmt.Sprintf("model %q not found, try pulling it first", c.Model)
		}
		return http.StatusNotFound, invalid(message, "", "model_not_found")
	}
	for _, k := range c.Keys {
		if slices.Contains(o.cfg.Refuses, k) {
			return http.StatusBadRequest, invalid(fmt.Sprintf("Unsupported parameter: '%s' is not supported with this model.", k), k, "unsupported_parameter")
		}
		if o.cfg.Dialect == Reference && !slices.Contains(known, k) {
			return http.StatusBadRequest, invalid(fmt.Sprintf("Unknown parameter: '%s'.", k), k, "unknown_parameter")
		}
	}
	if len(c.Messages) == 0 {
		return http.StatusBadRequest, invalid("Invalid 'messages': empty array. Expected an array with minimum length 1.", "messages", "empty_array")
	}
	tokens := 0
	for _, m := range c.Messages {
		if !slices.Contains([]string{"system", "developer", "user", "assistant", "tool"}, m.Role) {
			return http.StatusBadRequest, invalid(fmt.Sprintf("Invalid value: '%s'.", m.Role), "messages", "invalid_value")
		}
		tokens += len(m.Content)/4 + 4
	}
	if tokens > o.cfg.Context {
		return http.StatusBadRequest, tooLong(o.cfg.Context, tokens)
	}
	return 0, modelError{}
}

func tooLong(most, tokens int) modelError {
	return invalid(fmt.Sprintf("This model's maximum context length is %d tokens. However, your messages resulted in %d tokens. Please reduce the length of the messages.",
		most, tokens), "messages", contextExceeded)
}

// has says whether a model is there.
func (o *OpenAI) has(model string) bool {
	if o.cfg.Dialect == LlamaCpp || slices.Contains(o.cfg.Models, model) {
		return true
	}
	return o.cfg.Dialect == Ollama && slices.Contains(o.cfg.Models, model+":latest")
}

func (o *OpenAI) whole(w http.ResponseWriter, c ChatRequest, a ChatAnswer) {
	message := map[string]any{"role": "assistant", "content": a.Text, "refusal": nil}
	if a.Think != "" {
		message[o.cfg.Dialect.thinking()] = a.Think
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": time.Now().Unix(), "model": c.Model, "usage": usage(c, a),
		"choices": []any{map[string]any{"index": 0, "message": message, "logprobs": nil, "finish_reason": a.finish()}},
	})
}

func (a ChatAnswer) finish() string {
	if a.Finish == "" {
		return "stop"
	}
	return a.Finish
}

func usage(c ChatRequest, a ChatAnswer) map[string]int {
	in, out := 0, len(a.Text)/4+1
	for _, m := range c.Messages {
		in += len(m.Content)/4 + 4
	}
	return map[string]int{"prompt_tokens": in, "completion_tokens": out, "total_tokens": in + out}
}
