package discord

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bwmarrin/discordgo"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

const (
	// tokenLife is how long a command can be answered by its token, less the time that an answer may take
	// (https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages).
	tokenLife = 15*time.Minute - 15*time.Second
	// postponeWithin is how long the first word may take; Discord waits for three seconds.
	postponeWithin = 2500 * time.Millisecond
	// maxAnswers bounds what is remembered of commands.
	maxAnswers = 10_000
)

// An answer is the handle for answering one command. Its token lets anybody answer who has it: it is kept with the turn and shown nowhere.
type answer struct {
	ID    id     `json:"i"`
	App   id     `json:"a"`
	Token string `json:"t"`
}

// String is the handle as the relay keeps it; "" for none.
func (a answer) String() string {
	raw, err := json.Marshal(a)
	if err != nil || a.ID == "" {
		return ""
	}
	return string(raw)
}

// readAnswer reads a handle; false when s is none.
func readAnswer(s string) (answer, bool) {
	var a answer
	err := json.Unmarshal([]byte(s), &a)
	return a, err == nil && a.ID != "" && a.App != "" && a.Token != ""
}

// expires is when the command cannot be answered any more, on Discord's clock.
func (a answer) expires() time.Time { return a.ID.at().Add(tokenLife) }

// path is where the command's messages are.
func (a answer) path(message string) string {
	p := "/webhooks/" + string(a.App) + "/" + url.PathEscape(a.Token)
	if message != "" {
		p += "/messages/" + message
	}
	return p
}

// answers remembers how far the latest commands are.
type answers struct {
	mu    sync.Mutex
	known map[id]*pending
}

// pending is a command of which Discord was told that the program works on it.
type pending struct {
	told   chan struct{} // closed when Discord has answered to that
	err    error         // after told: why the command cannot be answered by its token
	filled string        // guarded by answers.mu: the post that took the place of "is thinking"
}

// begin notes a command; nil when it is known already, because it came twice.
func (a *answers) begin(i id) *pending {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known[i] != nil {
		return nil
	}
	if a.known == nil {
		a.known = map[id]*pending{}
	}
	if len(a.known) >= maxAnswers {
		a.tidy()
	}
	p := &pending{told: make(chan struct{})}
	a.known[i] = p
	return p
}

// tidy forgets commands that are over; needs a.mu. What is forgotten is answered all the same.
func (a *answers) tidy() {
	for i := range a.known {
		if time.Since(i.at()) > tokenLife {
			delete(a.known, i)
		}
	}
	if len(a.known) >= maxAnswers {
		a.known = map[id]*pending{}
	}
}

func (a *answers) find(i id) *pending {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known[i]
}

// fill reports whether the post may take the place of "is thinking": no other one has.
func (a *answers) fill(p *pending, post string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p.filled == "" {
		p.filled = post
	}
	return p.filled == post
}

// postpone tells Discord of each command that the program works on it. Discord waits no longer than three seconds, so this waits neither
// for the store nor for other commands.
func (l *listener) postpone(ctx context.Context, events []heard) {
	for i := range events {
		h := &events[i]
		if h.answer.ID == "" {
			continue
		}
		if p := l.bridge.answers.begin(h.answer.ID); p != nil {
			l.work.Go(func() {
				defer close(p.told)
				ctx, cancel := context.WithTimeout(ctx, postponeWithin)
				defer cancel()
				l.safely(func() { p.err = l.bridge.respond(ctx, h.answer, l.response(ctx, h)) })
				if p.err != nil {
					l.log.Warn("Discord was not told in time that a command is worked on", "err", p.err)
				}
			})
		}
	}
}

// A response is the first word about a command.
type response struct {
	Type discordgo.InteractionResponseType `json:"type"`
	Data *post                             `json:"data,omitempty"`
}

// notHere is for who uses a command where the avatar does not answer, where the configuration has no word for it: Discord waits for one.
const notHere = "The avatar does not answer in this channel."

// response is that the command is worked on, or that it is not: the relay would leave it without a word.
func (l *listener) response(ctx context.Context, h *heard) response {
	if h.guild == "" || l.bridge.cfg.AllRooms || l.listed(ctx, id(h.Place.Channel)) {
		return response{Type: discordgo.InteractionResponseDeferredChannelMessageWithSource}
	}
	// Nobody else sees it.
	word := cmp.Or(strings.TrimSpace(l.bridge.cfg.Denied), notHere)
	return response{Type: discordgo.InteractionResponseChannelMessageWithSource, Data: &post{Content: word, Allowed: nobody(), Flags: flagEphemeral}}
}

// listed reports whether a route lists the channel or what it is in. What cannot be found out in time counts as listed.
func (l *listener) listed(ctx context.Context, c id) bool {
	ctx, cancel := context.WithTimeout(ctx, postponeWithin/2)
	defer cancel()
	if _, err := l.locate(ctx, c); err != nil {
		return true
	}
	within, missing := l.tree.within(c)
	return missing != "" || l.lists(c, within)
}

// respond makes the call. A command of which this was said before, by a connection that is gone, needs no more.
func (b *Bridge) respond(ctx context.Context, a answer, r response) error {
	_, err := b.call(ctx, &request{
		method: http.MethodPost, path: "/interactions/" + string(a.ID) + "/" + url.PathEscape(a.Token) + "/callback", name: "POST /interactions/callback",
		token: true, body: r,
	})
	if e, ok := errors.AsType[*apiError](err); ok && e.code == discordgo.ErrCodeInteractionHasAlreadyBeenAcknowledged {
		return nil
	}
	return err
}

var errTooLate = errors.New("the command is older than 15 minutes")

// reply answers a command: the first message takes the place of "is thinking", later ones follow it. A repeat of the first one does no harm.
func (b *Bridge) reply(ctx context.Context, m *bridges.Message, body *post, files []*discordgo.File) (string, error) {
	a, ok := readAnswer(m.Answer)
	if !ok {
		return "", &fault.Outcome{Kind: fault.Expired, Reason: "the command is not known any more"}
	}
	if b.theirTime(time.Now()).After(a.expires()) {
		return "", &fault.Outcome{Kind: fault.Expired, Err: errTooLate}
	}
	first := !m.More
	if p := b.answers.find(a.ID); p != nil {
		select {
		case <-p.told:
		case <-ctx.Done():
			return "", &fault.Outcome{Err: fmt.Errorf("answer a command: %w", ctx.Err())}
		}
		if status := statusOf(p.err); status >= 400 && status < 500 && status != http.StatusTooManyRequests { // else the token tells
			return "", &fault.Outcome{Kind: fault.Expired, Err: p.err}
		}
		first = first && b.answers.fill(p, m.ID)
	}
	req := &request{
		method: http.MethodPost, path: a.path(""), name: "POST /webhooks", token: true, bucket: "answer/" + string(a.ID),
		body: body, files: files,
	}
	if first {
		req.method, req.path, req.name = http.MethodPatch, a.path("@original"), "PATCH /webhooks/messages"
	}
	x, err := b.call(ctx, req)
	if err != nil {
		return "", err
	}
	return x.posted(), nil
}

// answered looks for an answer to a command that may have been posted.
func (b *Bridge) answered(ctx context.Context, a answer, channel id, sent *bridges.Message) (string, error) {
	texts := textsOf(sent)
	is := func(m *message) bool { return m.says(texts) || m.carries(sent.ID) }
	if b.theirTime(time.Now()).Before(a.expires()) {
		var m message
		err := b.token(ctx, a, "@original", &m)
		if fault.Of(err) != nil && fault.Of(err).Kind != fault.Expired && statusOf(err) != http.StatusNotFound {
			return "", err
		}
		if err == nil && m.Flags&flagLoading != 0 {
			return "", nil // nothing has taken its place
		}
		if err == nil && is(&m) {
			return string(m.ID), nil
		}
	}
	return b.search(ctx, channel, a.ID.number(), func(m *message) bool {
		return m.Interaction != nil && m.Interaction.ID == a.ID && m.Flags&flagLoading == 0 && is(m)
	})
}

// token asks for one of a command's messages.
func (b *Bridge) token(ctx context.Context, a answer, message string, v any) error {
	x, err := b.call(ctx, &request{method: http.MethodGet, path: a.path(message), name: "GET /webhooks/messages", token: true})
	if err != nil {
		return err
	}
	if x.broken || json.Unmarshal(x.body, v) != nil {
		return fmt.Errorf("GET /webhooks/messages: %w", errUnreadable)
	}
	return nil
}

// says reports whether m is one of texts, as Discord keeps them.
func (m *message) says(texts []string) bool {
	for _, t := range texts {
		if strings.TrimSpace(t) == strings.TrimSpace(string(m.Content)) {
			return true
		}
	}
	return false
}
