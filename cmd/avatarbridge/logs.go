package main

import (
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lmittmann/tint"

	"avatarbridge/cmd/avatarbridge/internal/config"
)

// newLog returns the program's logger: text with colours on a terminal, JSON elsewhere, unless the configuration says otherwise. No
// part of the program logs a secret; should one do so all the same, it is blotted out here.
func newLog(w io.Writer, c config.Log, secrets []string) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	blot := blotter(secrets)
	if c.Format == "text" || c.Format == "auto" && isTerminal(w) {
		return slog.New(tint.NewTextHandler(w, &tint.Options{
			Level: level, TimeFormat: time.DateTime, NoColor: !isTerminal(w), ReplaceAttr: blot,
		}))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: blot}))
}

// isTerminal says whether somebody looks at w.
func isTerminal(w any) bool {
	f, isFile := w.(*os.File)
	if !isFile {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// blotter replaces secrets in messages, texts and errors. Where one secret begins with another, the whole of it goes.
func blotter(secrets []string) func([]string, slog.Attr) slog.Attr {
	if len(secrets) == 0 {
		return nil
	}
	secrets = slices.Clone(secrets)
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // the replacer prefers what it is told first
	var pairs []string
	for _, s := range secrets {
		pairs = append(pairs, s, "(secret)")
	}
	r := strings.NewReplacer(pairs...)
	return func(_ []string, a slog.Attr) slog.Attr {
		switch v := a.Value; v.Kind() {
		case slog.KindString:
			a.Value = slog.StringValue(r.Replace(v.String()))
		case slog.KindAny:
			if err, isError := v.Any().(error); isError {
				if text := err.Error(); r.Replace(text) != text {
					a.Value = slog.StringValue(r.Replace(text))
				}
			}
		}
		return a
	}
}
