package virtuals

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

const (
	maxRunners   = 1000
	coresFor     = time.Hour
	coresAgain   = 5 * time.Minute  // after a failure
	coresTimeout = 5 * time.Second  // they are an improvement, not a need
	voiceTimeout = 20 * time.Second // of a voice for a text that is there already
)

// cores is what a Virtual can do.
type cores struct{ llm, tts bool }

// cores returns what the Virtual can do. A runner that does not say is taken to think and not to speak.
func (b *Backend) cores(ctx context.Context, t token) cores {
	always := func(cores) bool { return true }
	c, err := b.known.get(ctx, t.runner.String(), always, func(ctx context.Context) (cores, time.Time, error) {
		names, err := b.askCores(ctx, t)
		if err == nil {
			return cores{slices.Contains(names, "llm"), slices.Contains(names, "tts")}, b.now().Add(coresFor), nil
		}
		// A refused token says nothing about the runner, nor does a caller who gave up.
		if errors.Is(err, errRefused) || ctx.Err() != nil {
			return cores{}, time.Time{}, err
		}
		b.log.Warn("a runner does not say what its Virtual can do, so no voice is asked for", "runner", t.runner.Host, "err", err)
		return cores{llm: true}, b.now().Add(coresAgain), nil
	})
	if err != nil {
		return cores{llm: true}
	}
	return c
}

func (b *Backend) askCores(ctx context.Context, t token) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, coresTimeout)
	defer cancel()
	ans, err := do(ctx, b.runner, t.runner.JoinPath("cores"), t.raw, nil)
	if err != nil {
		return nil, err
	}
	if err := ans.outcome(runnerCall, b.now()); err != nil {
		return nil, err
	}
	var body struct {
		Data []text `json:"data"`
	}
	if json.Unmarshal(ans.body, &body) != nil || body.Data == nil {
		return nil, nonsense(runnerCall, ans, "no list of cores")
	}
	names := make([]string, len(body.Data))
	for i, n := range body.Data {
		names[i] = string(n)
	}
	return names, nil
}

// reply gets the Virtual's reply with one token: its words and, where it has a voice, their sound.
func (b *Backend) reply(ctx context.Context, tok token, t avatar.Turn) (avatar.Reply, error) {
	can := cores{llm: true}
	if b.cfg.Speech {
		can = b.cores(ctx, tok)
	}
	if can.tts && !can.llm {
		if t.Voice != nil {
			return avatar.Reply{}, fault.Reject("a voice message came, and the Virtual has a voice and no ears (no core llm)", nil)
		}
		return b.post(ctx, tok, "prompts/voice", map[string]any{"text": t.Text})
	}
	body, err := b.prompt(t)
	if err != nil {
		return avatar.Reply{}, err
	}
	r, err := b.post(ctx, tok, "prompts", body)
	if err != nil || !can.tts || r.Audio.URL != "" || r.Text == "" {
		return r, err
	}
	// The words are there and paid for: a voice that fails must not fail them.
	ctx, cancel := context.WithTimeout(ctx, voiceTimeout)
	defer cancel()
	voice, err := b.post(ctx, tok, "prompts/voice", map[string]any{"text": r.Text})
	if err != nil {
		b.log.Warn("a reply goes without its voice", "turn", t.ID, "err", err)
	}
	r.Audio = voice.Audio
	return r, nil
}

// prompt is the body of /prompts: a form if the person spoke.
func (b *Backend) prompt(t avatar.Turn) (any, error) {
	if t.Voice != nil {
		return b.recording(t)
	}
	body := map[string]any{}
	maps.Copy(body, b.cfg.Overrides)
	body["text"], body["skipTTS"], body["userName"], body["botName"] = t.Text, !b.cfg.Speech, userName(t), b.cfg.botName()
	return body, nil
}

// post makes one call that answers with a reply.
func (b *Backend) post(ctx context.Context, tok token, path string, body any) (avatar.Reply, error) {
	ans, err := do(ctx, b.runner, tok.runner.JoinPath(path), tok.raw, body)
	if err != nil {
		return avatar.Reply{}, err
	}
	if err := ans.outcome(runnerCall, b.now()); err != nil {
		if _, spoken := body.(upload); spoken {
			err = ans.unheard(err)
		}
		return avatar.Reply{}, err
	}
	r, ok := parseReply(ans.body)
	if !ok {
		return avatar.Reply{}, nonsense(runnerCall, ans, "no reply")
	}
	return r, nil
}

// refused says that another access token may help.
func refused(err error) bool { return errors.Is(err, errRefused) && fault.Of(err).Kind == fault.Dead }
