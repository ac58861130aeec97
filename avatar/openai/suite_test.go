package openai

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
)

const namePrompt = "You are {name}.\nYou are talking with {user}"

// userName finds what stands in namePrompt.
func userName(system string) string {
	_, name, _ := strings.Cut(system, "\nYou are talking with ")
	return name
}

// newRig is a server and a backend that talks to it.
func newRig(t *testing.T, sim avatartest.OpenAIConfig, change func(*Config)) (*avatartest.OpenAI, *Backend) {
	t.Helper()
	sim.UserName = userName
	o, err := avatartest.NewOpenAI(sim)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	cfg := Default()
	cfg.Name, cfg.BaseURL, cfg.APIKey, cfg.Model, cfg.Prompt = "luna", o.URL(), o.APIKey(), "sim-large", namePrompt
	if change != nil {
		change(&cfg)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	b, err := New(cfg, &http.Client{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return o, b
}

func TestBackend(t *testing.T) {
	for _, dialect := range []avatartest.Dialect{avatartest.Reference, avatartest.Ollama, avatartest.VLLM, avatartest.LlamaCpp} {
		t.Run("dialect "+string(dialect), func(t *testing.T) {
			avatartest.Run(t, avatartest.Harness{Drafts: true, New: func(t *testing.T) avatartest.Subject {
				o, b := newRig(t, avatartest.OpenAIConfig{Dialect: dialect}, func(c *Config) {
					if dialect == avatartest.Reference {
						c.Transcribe = "whisper-1"
					}
				})
				return avatartest.Subject{Backend: b, Service: o}
			}})
		})
	}
}

var discard = slog.New(slog.DiscardHandler)

func fixed() time.Time { return time.Unix(1_800_000_000, 0) }
