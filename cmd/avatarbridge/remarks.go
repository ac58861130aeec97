package main

import (
	"context"
	"log/slog"

	"avatarbridge/cmd/avatarbridge/internal/wording"
)

// remarks is a log for somebody in a conversation: what goes wrong is said in a line, and nothing else.
type remarks struct {
	say  func(string)
	blot func([]string, slog.Attr) slog.Attr
}

func newRemarks(say func(string), secrets []string) slog.Handler {
	blot := blotter(secrets)
	if blot == nil {
		blot = func(_ []string, a slog.Attr) slog.Attr { return a }
	}
	return remarks{say, blot}
}

// Enabled leaves out what is no warning.
func (r remarks) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle says what happened, when it is tried again, and why. A warning without a cause is one about the program's own ways.
func (r remarks) Handle(_ context.Context, rec slog.Record) error {
	var cause, in string
	rec.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "err":
			cause = r.blot(nil, slog.String("", a.Value.String())).Value.String()
		case "in":
			in = " in " + a.Value.String()
		}
		return true
	})
	if cause == "" && rec.Level < slog.LevelError {
		return nil
	}
	text := rec.Message + in
	if cause != "" {
		text += ": " + wording.Plain(cause)
	}
	r.say(text)
	return nil
}

// WithAttrs leaves out what does not change in a conversation: its bridge and its avatar.
func (r remarks) WithAttrs([]slog.Attr) slog.Handler { return r }

// WithGroup has nothing to group.
func (r remarks) WithGroup(string) slog.Handler { return r }
