package openai

import (
	"context"
	"errors"
	"io"
	"mime"
	"strings"
	"time"
	"unicode/utf8"

	"avatarbridge/avatar"
	"avatarbridge/bridges/markup"
)

const (
	maxSound      = 10 << 20
	maxSpoken     = 4096 // characters, by the API's reference
	speechTimeout = time.Minute
)

// speechRequest is the body of a call for speech.
type speechRequest struct {
	Model  string `json:"model"`
	Input  string `json:"input"`
	Voice  string `json:"voice"`
	Format string `json:"response_format"`
}

// speak asks for the sound of a text; there is none of a text that has nothing to speak.
func (b *Backend) speak(ctx context.Context, said string) (avatar.Audio, error) {
	input := spoken(said)
	if input == "" {
		return avatar.Audio{}, nil
	}
	limit := speechTimeout
	if until, ok := ctx.Deadline(); ok { // the text must still be said after it
		left := time.Until(until)
		limit = min(limit, left-min(margin/2, left/20))
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	res, err := b.call(ctx, b.place(speechPath), speechRequest{b.cfg.SpeechModel, input, b.cfg.Voice, "mp3"})
	if err != nil {
		return avatar.Audio{}, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxSound+1))
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return avatar.Audio{}, b.broken(ctx, b.base.Host, err)
	case len(data) > maxSound:
		return avatar.Audio{}, errors.New("the sound is larger than 10 MiB")
	case len(data) == 0:
		return avatar.Audio{}, errors.New("the sound is empty")
	case data[0] == '{' || data[0] == '<' || strings.HasPrefix(kind, "text/") || kind == "application/json":
		return avatar.Audio{}, errors.New("the server answered with something that is no sound")
	}
	if !strings.HasPrefix(kind, "audio/") {
		kind = ""
	}
	return avatar.Audio{Data: data, Type: kind}, nil
}

// spoken is what can be read out of a text: neither code nor markup, and no addresses.
func spoken(said string) string {
	var lines []string
	for _, block := range markup.Parse(said) {
		if block.Kind == markup.Code {
			continue
		}
		var line strings.Builder
		for _, s := range block.Spans {
			switch {
			case s.Column:
				line.WriteString(", ") // the bar between two cells has a name, which would be read out
			case s.Link == "" || !strings.Contains(s.Link, s.Text):
				line.WriteString(s.Text)
			}
		}
		if text := strings.TrimSpace(line.String()); !markup.Blank(text) {
			lines = append(lines, text)
		}
	}
	all := strings.Join(lines, "\n")
	if utf8.RuneCountInString(all) <= maxSpoken {
		return all
	}
	all = string([]rune(all)[:maxSpoken])
	if whole, ok := wholeSentences(all); ok {
		return whole
	}
	return all
}
