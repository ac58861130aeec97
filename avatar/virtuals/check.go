package virtuals

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"avatarbridge/bridges/fault"
)

// checkUID is the memory uid that Check asks a token for. Nothing is said with it, so nothing is remembered.
const checkUID = "avatarbridge-check"

// Check asks for an access token and for the Virtual's cores. It sends no prompt and costs nothing.
func (b *Backend) Check(ctx context.Context) []fault.Finding {
	tok, _, err := b.newToken(ctx, checkUID, "User")
	if err != nil {
		return []fault.Finding{tokenFinding(b.apiURL, err)}
	}
	found := []fault.Finding{{OK: true, What: "credentials accepted by " + b.apiURL.Host}}
	names, err := b.askCores(ctx, tok)
	if err != nil {
		return append(found, runnerFinding(tok.runner.Host, err))
	}
	found = append(found, fault.Finding{OK: true, What: "runner " + tok.runner.Host + " reached, cores: " + coreNames(names)})
	if b.cfg.Speech && !slices.Contains(names, "tts") {
		found = append(found, fault.Finding{OK: true, What: "the Virtual has no voice core: replies come without sound"})
	}
	if !b.cfg.Speech && !slices.Contains(names, "llm") {
		found = append(found, fault.Finding{What: "speech is off, and the Virtual has no core that writes (llm)",
			Fix: "set speech = true, or choose another Virtual with virtual_id"})
	}
	return found
}

func tokenFinding(api *url.URL, err error) fault.Finding {
	o := fault.Of(err)
	f := fault.Finding{What: "no access token from " + api.Host + ": " + err.Error(), Fix: remedy(api)}
	if o.Kind == fault.Dead {
		f.Fix = o.Reason
	}
	return f
}

func runnerFinding(host string, err error) fault.Finding {
	f := fault.Finding{What: "runner " + host + " does not tell its cores: " + err.Error(),
		Fix: "see whether " + host + " can be reached from here; if it is a private address of your own, set allow_private = true"}
	if o := fault.Of(err); o.Kind == fault.Dead && o.Reason != "" {
		f.Fix = o.Reason
	}
	return f
}

func coreNames(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
