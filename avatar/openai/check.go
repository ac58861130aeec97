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
		return append([]fault.Finding{at.unlisted(err)}, b.hearing(ctx, names)...)
	}
	found := []fault.Finding{{OK: true, What: b.base.Host + " reached" + b.key()}}
	if !offers(names, b.cfg.Model) {
		found = append(found, fault.Finding{What: b.base.Host + " has no model " + b.cfg.Model + "; it has: " + told(names),
			Fix: "set model to one of them, or make the server load it (with Ollama: ollama pull " + b.cfg.Model + ")"})
	} else {
		found = append(found, fault.Finding{OK: true, What: "model " + b.cfg.Model + " is there"})
	}
	if b.cfg.Speech {
		found = append(found, fault.Finding{OK: true, What: "speech is on: " + b.cfg.SpeechModel + " with the voice " + b.cfg.Voice + "; not tried, as it may cost"})
	}
	return append(found, b.hearing(ctx, names)...)
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
	what := "hearing is on: " + at.model + " at " + at.host() + "; not tried, as it may cost"
	if len(names) > 0 && !offers(names, at.model) {
		what += ". It is not among the models that the server tells, which some servers do not tell all"
	}
	return []fault.Finding{{OK: true, What: what}}
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
