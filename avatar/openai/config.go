package openai

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"
	"unicode"

	"avatarbridge/bridges/fault"
)

// Config is the section of one avatar with backend = "openai".
type Config struct {
	Name string       `toml:"-"` // the section's name
	Log  *slog.Logger `toml:"-"` // for what fails without failing a turn; nil discards it

	BaseURL string `toml:"base_url"`              // with the API's version; trusted as it is: it may be http and private
	APIKey  string `toml:"api_key" secret:"true"` // "" sends none
	Model   string `toml:"model"`
	BotName string `toml:"name"`   // what the avatar calls itself; "" is Name
	Prompt  string `toml:"prompt"` // the system message, with {name} and {user} in it; "" sends none

	History       int           `toml:"history" min:"0"`        // exchanges
	HistoryTokens int           `toml:"history_tokens" min:"0"` // estimated at four bytes each; older exchanges are left out
	Temperature   *float64      `toml:"temperature"`            // nil is the model's own
	MaxTokens     int           `toml:"max_tokens" min:"1"`     // of a reply; 0 is the model's own
	StreamTimeout time.Duration `toml:"stream_timeout"`         // for how long a reply that has begun may pause
	ReplyTimeout  time.Duration `toml:"reply_timeout"`          // for the whole reply; 0 is nearly all of the time that Ask is given

	Speech      bool   `toml:"speech"`
	Voice       string `toml:"voice"`
	SpeechModel string `toml:"speech_model"`

	Transcribe    string `toml:"transcribe"`                   // the model that writes down what people say, "whisper-1"; "" does not hear
	TranscribeURL string `toml:"transcribe_url"`               // of another server for it; "" is base_url with api_key
	TranscribeKey string `toml:"transcribe_key" secret:"true"` // for transcribe_url; "" sends none
}

// Default returns the settings that hold where the section has none.
func Default() Config {
	return Config{
		Prompt:  "You are {name}, and you are talking with {user} in a chat. Stay in character, and answer briefly, in the language that you are written in.",
		History: 20, HistoryTokens: 3000, StreamTimeout: 30 * time.Second, Voice: "alloy", SpeechModel: "tts-1",
	}
}

// maxHistory is the most exchanges that a section may ask for: each turn reads them all.
const maxHistory = 200

// Validate returns every fault of the section, nil when there is none.
func (c Config) Validate() []fault.Setting {
	var all []fault.Setting
	bad := func(key, problem string) { all = append(all, fault.Setting{Key: key, Problem: problem}) }
	if c.BaseURL == "" {
		bad("base_url", `is missing: write where the server's API is, like "http://127.0.0.1:11434/v1"`)
	} else if _, err := base(c.BaseURL); err != nil {
		bad("base_url", `must be an absolute http or https address without a query, like "http://127.0.0.1:11434/v1"`)
	}
	if mistyped(c.APIKey) {
		bad("api_key", badKey)
	}
	if strings.TrimSpace(c.Model) == "" {
		bad("model", `is missing: write which model answers, like "llama3.2"`)
	}
	if c.History > maxHistory {
		bad("history", fmt.Sprintf("is more than %d exchanges", maxHistory))
	}
	if t := c.Temperature; t != nil && !(*t >= 0 && *t <= 2) {
		bad("temperature", "must be between 0 and 2")
	}
	for _, s := range []struct{ key, value string }{{"voice", c.Voice}, {"speech_model", c.SpeechModel}} {
		if c.Speech && strings.TrimSpace(s.value) == "" {
			bad(s.key, "is needed for speech = true")
		}
	}
	return append(all, c.hearing()...)
}

// hearing returns the faults of what is about hearing.
func (c Config) hearing() (all []fault.Setting) {
	bad := func(key, problem string) { all = append(all, fault.Setting{Key: key, Problem: problem}) }
	if c.TranscribeURL != "" {
		if _, err := base(c.TranscribeURL); err != nil {
			bad("transcribe_url", `must be an absolute http or https address without a query, like "http://127.0.0.1:8000/v1"`)
		}
		if strings.TrimSpace(c.Transcribe) == "" {
			bad("transcribe", `is needed for transcribe_url: write which model writes down what people say, like "whisper-1"`)
		}
	}
	switch {
	case mistyped(c.TranscribeKey):
		bad("transcribe_key", badKey)
	case c.TranscribeKey != "" && c.TranscribeURL == "":
		bad("transcribe_key", "is for transcribe_url: without that, api_key is sent")
	}
	return all
}

const badKey = "has a space or another character in it that no key has: paste it again"

func mistyped(key string) bool {
	return strings.ContainsFunc(key, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r > unicode.MaxASCII })
}

var errNoURL = errors.New("no absolute http or https address")

// base reads an address to which paths can be added. It is returned without slashes at the end.
func base(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errNoURL
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u, nil
}

func (c Config) botName() string {
	if c.BotName != "" {
		return c.BotName
	}
	return c.Name
}
