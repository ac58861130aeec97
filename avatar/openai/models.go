package openai

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"avatarbridge/bridges/fault"
)

const (
	listTimeout = 10 * time.Second
	maxList     = 8 << 20 // some vendors list hundreds of models with their descriptions
	maxNames    = 12      // that are told
)

// models asks which models there are at a place.
func (b *Backend) models(ctx context.Context, at place) ([]string, error) {
	at.path = modelsPath
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	res, err := b.call(ctx, at, nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxList+1))
	if err != nil {
		return nil, b.broken(ctx, at.host(), err)
	}
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &list) != nil || list.Data == nil && !strings.Contains(string(body), `"data"`) {
		return nil, &fault.Outcome{Reason: at.host() + " answered with something that is no list of models"}
	}
	names := make([]string, 0, len(list.Data))
	for _, m := range list.Data {
		names = append(names, m.ID)
	}
	return names, nil
}

// offers reports whether a model is among the names, which some servers write longer than they take them.
func offers(names []string, model string) bool {
	return slices.ContainsFunc([]string{model, model + ":latest", "models/" + model}, func(m string) bool { return slices.Contains(names, m) })
}

// noModel says that the model is not there, and which are.
func (b *Backend) noModel(names []string) string {
	return fmt.Sprintf("%s has no model %q: set model to one that it has (%s)", b.base.Host, b.cfg.Model, told(names))
}

// told lists some of the names. What does not look like a model's name is left out, as a service could write anything.
func told(names []string) string {
	var good []string
	for _, n := range names {
		if n != "" && len(n) <= 100 && !strings.ContainsFunc(n, odd) {
			good = append(good, n)
		}
	}
	slices.Sort(good)
	switch n := len(good); {
	case n == 0:
		return "it names none"
	case n > maxNames:
		return fmt.Sprintf("%s and %d more", strings.Join(good[:maxNames], ", "), n-maxNames)
	}
	return strings.Join(good, ", ")
}

func odd(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.:/@+", r)
}
