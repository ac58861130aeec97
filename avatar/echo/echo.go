// Package echo is an avatar without a service, for demonstrations and for trying out a bridge.
//
// It repeats what it hears with a little character, has a feeling about it, and mumbles it: the sound is made here, a syllable of babble
// for each of the first syllables of the text. All of it depends on the text alone, so that the same words always get
// the same answer. The word "bye" or "goodbye" alone ends the conversation, "help" tells what else there is.
package echo

import (
	"context"
	"hash/fnv"
	"strings"
	"time"
	"unicode"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

// maxQuoted is how many characters of a text are repeated.
const maxQuoted = 1000

// Backend is an echo. It keeps nothing between turns.
type Backend struct {
	speech, stream bool
	// How long a reply takes to grow: so long for each word, but no shorter than this in all.
	eachWord, shortest time.Duration
}

var _ avatar.Backend = (*Backend)(nil)

// New returns an echo. The error is always nil.
func New(cfg Config) (*Backend, error) {
	return &Backend{speech: cfg.Speech, stream: cfg.Stream, eachWord: eachWord, shortest: shortest}, nil
}

// Ask says one reply before it returns, and shows it growing before that if it is to stream.
func (b *Backend) Ask(ctx context.Context, t avatar.Turn, say avatar.Speaker) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if t.Text == "" { // a voice that was taken in when another avatar stood here
		return fault.Reject("a voice message came, and the echo repeats text alone", nil)
	}
	r := b.reply(t.Text)
	if b.stream {
		if err := b.show(ctx, r.Text, say); err != nil {
			return err
		}
	}
	return say.Say(ctx, r)
}

// Check says that there is nothing to check.
func (b *Backend) Check(context.Context) []fault.Finding {
	return []fault.Finding{{OK: true, What: "echo works: it is a demonstration and asks no service"}}
}

func (b *Backend) reply(heard string) avatar.Reply {
	f, tr := feel(heard), trickFor(heard)
	r := avatar.Reply{Emotion: f.emotion, Ends: farewell(heard)}
	switch {
	case r.Ends:
		r.Text, r.Emotion = "Goodbye! I will remember none of this, as echoes do.", "sadness"
	case tr != nil:
		r.Text, r.Emotion = tr.text, tr.emotion
	default:
		r.Text = answer(heard, f)
	}
	switch {
	case b.speech && tr != nil && tr.chimes:
		r.Audio = avatar.Audio{Data: chime(), Type: "audio/wav"}
	case b.speech:
		r.Audio = avatar.Audio{Data: mumble(heard, f), Type: "audio/wav"}
	}
	return r
}

// answer repeats the text after one of the feeling's phrases: in quotes if it is one line, else as a block.
func answer(heard string, f feeling) string {
	phrase := f.phrases[hash(heard)%uint64(len(f.phrases))]
	quoted := cut(strings.TrimSpace(heard))
	if lines := strings.FieldsFunc(quoted, func(r rune) bool { return r == '\r' || r == '\n' }); len(lines) > 1 {
		return phrase + "\n\n> " + strings.Join(lines, "\n> ")
	}
	return phrase + " “" + quoted + "”"
}

// cut keeps the first maxQuoted characters.
func cut(s string) string {
	n := 0
	for i := range s {
		if n == maxQuoted {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

func farewell(heard string) bool {
	word := strings.ToLower(strings.TrimFunc(heard, func(r rune) bool { return !unicode.IsLetter(r) }))
	return word == "bye" || word == "goodbye"
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}
