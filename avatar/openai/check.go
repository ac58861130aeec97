package openai

import (
	"context"

	"avatarbridge/bridges/fault"
)

// Check asks for the list of models. It asks for no completion and no speech, and costs nothing.
func (b *Backend) Check(ctx context.Context) []fault.Finding {
	names, err := b.models(ctx)
	if err != nil {
		return []fault.Finding{b.unlisted(err)}
	}
	found := []fault.Finding{{OK: true, What: b.base.Host + " reached" + b.key()}}
	if !offers(names, b.cfg.Model) {
		return append(found, fault.Finding{What: b.base.Host + " has no model " + b.cfg.Model + "; it has: " + told(names),
			Fix: "set model to one of them, or make the server load it (with Ollama: ollama pull " + b.cfg.Model + ")"})
	}
	found = append(found, fault.Finding{OK: true, What: "model " + b.cfg.Model + " is there"})
	if b.cfg.Speech {
		found = append(found, fault.Finding{OK: true, What: "speech is on: " + b.cfg.SpeechModel + " with the voice " + b.cfg.Voice + "; not tried, as it may cost"})
	}
	return found
}

func (b *Backend) key() string {
	if b.cfg.APIKey == "" {
		return " without a key"
	}
	return " and api_key accepted"
}

// unlisted says why there is no list of models.
func (b *Backend) unlisted(err error) fault.Finding {
	f := fault.Finding{What: b.base.Host + " does not tell its models: " + err.Error(),
		Fix: "see that the server runs, and that base_url is right and can be reached from here"}
	if o := fault.Of(err); o.Kind == fault.Dead {
		f.Fix = o.Reason
	}
	return f
}
