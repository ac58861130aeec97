package openai

import (
	"context"
	"errors"

	"avatarbridge/bridges/fault"
)

// Check asks for the list of models. It asks for no completion and no speech, and costs nothing.
func (b *Backend) Check(ctx context.Context) []fault.Finding {
	at := b.place(chatPath)
	names, err := b.models(ctx, at)
	if err != nil {
		return append(append([]fault.Finding{at.unlisted(err)}, b.speaking(nil)...), b.hearing(ctx, nil)...)
	}
	found := []fault.Finding{{OK: true, What: b.base.Host + " reached" + b.key()}}
	if !offers(names, b.cfg.Model) {
		found = append(found, fault.Finding{What: b.base.Host + " has no model " + b.cfg.Model + "; it has: " + told(names),
			Fix: "set model to one of them, or make the server load it (with Ollama: ollama pull " + b.cfg.Model + ")"})
	} else {
		found = append(found, fault.Finding{OK: true, What: "model " + b.cfg.Model + " is there"})
	}
	return append(append(found, b.speaking(names)...), b.hearing(ctx, names)...)
}

// speaking says whether replies can be spoken.
func (b *Backend) speaking(names []string) []fault.Finding {
	if !b.cfg.Speech {
		return nil
	}
	at := b.place(speechPath)
	return []fault.Finding{at.untried("speech is on: "+at.model+" with the voice "+b.cfg.Voice, names)}
}

// hearing says whether what people say can be written down. A server of its own is asked for its models, which not all have a list of.
func (b *Backend) hearing(ctx context.Context, names []string) []fault.Finding {
	if !b.Hears() {
		return nil
	}
	at := b.place(transcribePath)
	if b.ears != nil {
		var err error
		if names, err = b.models(ctx, at); err != nil && !errors.Is(err, errNothing) {
			return []fault.Finding{at.unlisted(err)}
		}
	}
	return []fault.Finding{at.untried("hearing is on: "+at.model+" at "+at.host(), names)}
}

// untried is what is known of a model that is not asked. Many servers list the models that chat alone, so that one is missing is no fault.
func (p *place) untried(what string, names []string) fault.Finding {
	what += "; not tried, as it may cost"
	switch {
	case len(names) == 0:
		what += ". Whether the server has it is not known, as it tells no models"
	case !offers(names, p.model):
		what += ". It is not among the models that the server tells, which some servers do not tell all: if there is no such model, change " + p.nameName
	}
	return fault.Finding{OK: true, What: what}
}

func (b *Backend) key() string {
	if b.cfg.APIKey == "" {
		return " without a key"
	}
	return " and api_key accepted"
}

// unlisted says why there is no list of models.
func (p *place) unlisted(err error) fault.Finding {
	f := fault.Finding{What: p.host() + " does not tell its models: " + err.Error(),
		Fix: "see that the server runs, and that " + p.urlName + " is right and can be reached from here"}
	if o := fault.Of(err); o.Kind == fault.Dead {
		f.Fix = o.Reason
	}
	return f
}
