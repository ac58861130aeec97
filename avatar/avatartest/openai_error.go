package avatartest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// modelError is an error as the API's reference has it.
type modelError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    any     `json:"code"`
}

func invalid(message, param, code string) modelError {
	e := modelError{Message: message, Type: "invalid_request_error"}
	if param != "" {
		e.Param = &param
	}
	if code != "" {
		e.Code = code
	}
	return e
}

// shape writes an error as the dialect does.
func (d Dialect) shape(status int, e modelError) any {
	switch d {
	case Ollama:
		if status == http.StatusNotFound {
			return map[string]any{"error": modelError{Message: e.Message, Type: "not_found_error"}}
		}
		return map[string]any{"error": e.Message}
	case VLLM:
		kind := "BadRequestError"
		if status == http.StatusNotFound {
			kind = "NotFoundError"
		}
		return map[string]any{"object": "error", "message": e.Message, "type": kind, "param": nil, "code": status}
	case LlamaCpp:
		kind := e.Type
		if e.Code == contextExceeded {
			kind = "exceed_context_size_error"
		}
		return map[string]any{"error": map[string]any{"code": status, "message": e.Message, "type": kind}}
	}
	return map[string]any{"error": e}
}

func (o *OpenAI) refuse(w http.ResponseWriter, status int, e modelError) {
	writeJSON(w, status, o.cfg.Dialect.shape(status, e))
}

// admitted answers a call without the right key, and says whether it may go on.
func (o *OpenAI) admitted(w http.ResponseWriter, r *http.Request) bool {
	key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case o.cfg.Dialect == Ollama || key == o.cfg.APIKey:
		return true
	case key == "":
		o.refuse(w, http.StatusUnauthorized, invalid("You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth.", "", ""))
	default:
		o.refuse(w, http.StatusUnauthorized, invalid("Incorrect API key provided: "+key+". You can find your API key at https://platform.openai.com/account/api-keys.", "", "invalid_api_key"))
	}
	return false
}

func (o *OpenAI) serveUnknown(w http.ResponseWriter, r *http.Request) {
	if o.cfg.Dialect == Ollama {
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	o.refuse(w, http.StatusNotFound, invalid("Invalid URL ("+r.Method+" "+r.URL.Path+")", "", ""))
}

const contextExceeded = "context_length_exceeded"

// QuotaUsedUp answers 429 as an account does that has no credit left.
func QuotaUsedUp() Fault {
	f := Answered(http.StatusTooManyRequests, "application/json", `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`)
	return f.named("429 insufficient_quota")
}

// ContextExceeded answers 400 as a model does for which the messages are too long.
func ContextExceeded() Fault {
	body, _ := json.Marshal(Reference.shape(http.StatusBadRequest, tooLong(8192, 9000))) // never fails
	return Answered(http.StatusBadRequest, "application/json", string(body)).named("400 " + contextExceeded)
}
