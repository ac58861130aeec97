package avatartest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"mime/multipart"
	"net/http"
	"path"
	"strings"
	"testing"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

// tinyEars is a small right Hearer for the service of language models, unless it has a flaw.
type tinyEars struct {
	*tiny
	o *OpenAI
}

func (tinyEars) Hears() bool { return true }

func (b tinyEars) Ask(ctx context.Context, t avatar.Turn, say avatar.Speaker) error {
	var heard string
	said := t
	if t.Voice != nil {
		var err error
		if heard, err = b.listen(ctx, t); err != nil {
			if b.flaw != "answers what it did not hear" {
				return err
			}
			heard = "hm"
		}
		said.Text = heard
	}
	text, err := b.chat(ctx, said)
	if err != nil && b.flaw == "tells what it heard when it fails" {
		return errors.New("no answer to " + heard)
	}
	if err != nil {
		return err
	}
	if b.flaw == "keeps what it heard to itself" {
		heard = ""
	}
	return say.Say(ctx, avatar.Reply{Text: text, Heard: heard})
}

func (b tinyEars) header(contentType string) http.Header {
	return http.Header{"Content-Type": {contentType}, "Authorization": {"Bearer " + b.o.APIKey()}}
}

func (b tinyEars) listen(ctx context.Context, t avatar.Turn) (string, error) {
	name := "voice" + strings.Replace(path.Ext(t.Voice.Name), ".oga", ".ogg", 1)
	if b.flaw == "knows one form of sound" && t.Voice.Type != "audio/ogg" {
		name = "voice"
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("model", "whisper-1")
	part, _ := form.CreateFormFile("file", name)
	_, _ = part.Write(t.Voice.Data)
	_ = form.Close()
	data, err := b.post(ctx, t, b.o.URL()+"/audio/transcriptions", body.Bytes(), b.header(form.FormDataContentType()))
	if err != nil && b.flaw == "tries to hear again by itself" {
		data, err = b.post(ctx, t, b.o.URL()+"/audio/transcriptions", body.Bytes(), b.header(form.FormDataContentType()))
	}
	if err != nil {
		if b.flaw == "gives up on what it cannot hear" {
			return "", fault.Reject("not heard", nil)
		}
		return "", err
	}
	var answer struct{ Text string }
	if err := json.Unmarshal(data, &answer); (err != nil || answer.Text == "") && b.flaw != "takes anything for a transcript" {
		return "", errors.New("no transcript")
	}
	if answer.Text == "" {
		answer.Text = "hm"
	}
	return answer.Text, nil
}

func (b tinyEars) chat(ctx context.Context, t avatar.Turn) (string, error) {
	body, _ := json.Marshal(map[string]any{"model": "sim-large", "user": t.UserUID, "messages": []map[string]string{
		{"role": "system", "content": t.UserName}, {"role": "user", "content": t.Text},
	}})
	data, err := b.post(ctx, t, b.o.URL()+"/chat/completions", body, b.header("application/json"))
	if err != nil {
		return "", err
	}
	var answer struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if json.Unmarshal(data, &answer) != nil || len(answer.Choices) == 0 {
		return "", errors.New("no completion")
	}
	return answer.Choices[0].Message.Content, nil
}

func earsHarness(f flaw) Harness {
	return Harness{New: func(t *testing.T) Subject {
		o, err := NewOpenAI(OpenAIConfig{UserName: func(system string) string { return system }})
		if err != nil {
			t.Fatal(err)
		}
		b := newTiny(nil, f)
		t.Cleanup(b.http.CloseIdleConnections)
		return Subject{Backend: tinyEars{b, o}, Service: o}
	}}
}

func TestARightHearerPasses(t *testing.T) {
	Run(t, earsHarness(""))
}

func TestEachFlawOfAHearerIsFound(t *testing.T) {
	checks := make(map[string]check)
	for _, c := range checksFor(t, earsHarness("")) {
		checks[c.name] = c
	}
	for _, f := range []struct {
		flaw         flaw
		check, finds string
	}{
		{"keeps what it heard to itself", "voice: a turn is answered with its reply", `"" is said to be what was heard`},
		{"knows one form of sound", "a voice message in any usual form is heard", "audio/webm"},
		{"answers what it did not hear", "voice: a broken service is to be tried again", "counts as a success"},
		{"takes anything for a transcript", "voice: an answer that makes no sense is no success", "counts as a success"},
		{"tries to hear again by itself", "voice: a broken service is to be tried again", "only the relay repeats"},
		{"gives up on what it cannot hear", "voice: refused credentials are dead, with a reason", "classified as rejected, not dead"},
		{"tells what it heard when it fails", "voice: errors tell no secret and nobody's words", "tells"},
	} {
		t.Run(string(f.flaw), func(t *testing.T) {
			c, ok := checks[f.check]
			if !ok {
				t.Fatalf("no check is called %q", f.check)
			}
			if err := c.try(t, earsHarness(f.flaw)); err == nil || !strings.Contains(err.Error(), f.finds) {
				t.Errorf("%q must say %q: %v", f.check, f.finds, err)
			}
		})
	}
}
