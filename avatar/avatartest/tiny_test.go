package avatartest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

// A flaw is one thing that a tiny backend does wrong.
type flaw string

const tinyLimit = 1 << 20

// tiny is a small right backend for the webhook service, unless it has a flaw.
type tiny struct {
	url  string
	key  []byte
	http *http.Client
	flaw flaw

	lock   sync.Mutex
	broken bool
	cached map[string]avatar.Reply
	before avatar.Speaker // of the turn before
}

func newTiny(w *Webhook, f flaw) *tiny {
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	c.Transport = &http.Transport{MaxIdleConnsPerHost: 8}
	if f == "follows redirects" {
		c.CheckRedirect = nil
	}
	b := &tiny{http: c, flaw: f, cached: make(map[string]avatar.Reply)}
	if w != nil {
		b.url, b.key = w.URL(), w.key
	}
	return b
}

func (b *tiny) Ask(ctx context.Context, t avatar.Turn, say avatar.Speaker) error {
	switch b.flaw {
	case "ignores ctx":
		ctx = context.WithoutCancel(ctx)
	case "one at a time":
		b.lock.Lock()
		defer b.lock.Unlock()
	case "trims the text":
		t.Text = strings.TrimSpace(strings.ReplaceAll(t.Text, "\r", ""))
	case "greets everybody as Ann":
		t.UserName = "Ann"
	case "one memory for all":
		t.UserUID = "everybody"
	case "keeps the callback to itself":
		t.Callback = ""
	case "a memory a conversation":
		t.UserUID = t.Conversation
	case "leaves a goroutine":
		go func() { select {} }()
	}
	reply, err := b.attempt(ctx, t)
	if err != nil && b.flaw == "tries again by itself" {
		reply, err = b.attempt(ctx, t)
	}
	if err != nil {
		if b.flaw == "apologises" {
			_ = say.Say(ctx, avatar.Reply{Text: "Sorry!"})
		}
		if b.flaw == "shows its secret when it fails" {
			say.Draft(b.secret())
		}
		return err
	}
	b.draft(reply.Text, say)
	err = say.Say(ctx, reply)
	if b.flaw == "shows more after it has said it" {
		say.Draft(reply.Text)
	}
	if b.flaw == "swallows the error of Say" {
		return nil
	}
	if b.flaw == "says it twice" {
		_ = say.Say(ctx, reply)
	}
	return err
}

// draft shows three parts of a text.
func (b *tiny) draft(text string, say avatar.Speaker) {
	last := 0
	for n := 1; n <= 3; n++ {
		end := len(text) * n / 4
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		switch b.flaw {
		case "shows nothing":
		case "shows what was added alone":
			say.Draft(text[last:end])
		case "shows another text":
			say.Draft("Hm, " + text[:end])
		default:
			say.Draft(text[:end])
		}
		last = end
	}
	if b.flaw == "shows more after Ask has returned" {
		b.lock.Lock()
		defer b.lock.Unlock()
		if b.before != nil {
			b.before.Draft(text)
		}
		b.before = say
	}
}

func (b *tiny) attempt(ctx context.Context, t avatar.Turn) (avatar.Reply, error) {
	if b.flaw == "mixes people up" {
		b.lock.Lock()
		defer b.lock.Unlock()
		if r, ok := b.cached[t.UserName]; ok {
			return r, nil
		}
	}
	reply, err := b.call(ctx, t)
	if b.flaw == "never recovers" {
		b.lock.Lock()
		defer b.lock.Unlock()
		if b.broken = b.broken || err != nil; b.broken && err == nil {
			err = errors.New("broken for good")
		}
	}
	if err == nil && b.flaw == "mixes people up" {
		b.cached[t.UserName] = reply
	}
	return reply, err
}

func (b *tiny) id(t avatar.Turn) string {
	switch b.flaw {
	case "a new id for each attempt":
		return randomID()
	case "one id for all turns":
		return "turn"
	}
	return t.ID
}

func (b *tiny) call(ctx context.Context, t avatar.Turn) (avatar.Reply, error) {
	body, _ := json.Marshal(WebhookTurn{
		Turn: t.ID, Conversation: t.Conversation, UserUID: t.UserUID, UserName: t.UserName, Text: t.Text, Callback: t.Callback,
	})
	id, stamp := b.id(t), strconv.FormatInt(time.Now().Unix(), 10)
	data, err := b.post(ctx, t, b.url, body, http.Header{
		"Content-Type": {"application/json"},
		headerID:       {id}, headerTimestamp: {stamp}, headerSignature: {signature(b.key, id, stamp, body)},
	})
	if err != nil {
		return avatar.Reply{}, err
	}
	return b.decode(data)
}

// post makes one call about a turn, and returns what is answered with 200.
func (b *tiny) post(ctx context.Context, t avatar.Turn, url string, body []byte, header http.Header) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("bad url")
	}
	for k, v := range header {
		req.Header.Set(k, v[0])
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return nil, b.failed(err, t)
	}
	defer func() { _ = resp.Body.Close() }()
	limit := int64(tinyLimit)
	if b.flaw == "reads to the end" {
		limit = 1 << 40
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	if err != nil {
		return nil, b.failed(err, t)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, b.outcome(resp, data)
	}
	return data, nil
}

func (b *tiny) failed(err error, t avatar.Turn) error {
	switch b.flaw {
	case "tells its secret when it cannot connect":
		return fmt.Errorf("with %s: no answer", b.secret())
	case "tells the text when it cannot connect":
		return fmt.Errorf("ask %q: no answer", t.Text)
	case "gives up on a cut connection":
		return fault.Kill("cut", nil)
	}
	if f := (*url.Error)(nil); errors.As(err, &f) && b.flaw != "tells the URL when it cannot connect" {
		return f.Err // without the URL
	}
	return err
}

func (b *tiny) secret() string { return DefaultWebhookSecret }

func (b *tiny) outcome(resp *http.Response, data []byte) error {
	err := fmt.Errorf("status %d", resp.StatusCode)
	if b.flaw == "quotes the answer" {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, data)
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		if b.flaw == "repeats what was refused" {
			return err
		}
		if b.flaw == "dies without a reason" {
			return fault.Kill("", err)
		}
		return fault.Kill("the service refuses the secret: check it", err)
	case http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		if b.flaw == "ignores Retry-After" {
			seconds = 0
		}
		o := fault.Throttle(fault.Avatar, time.Duration(seconds)*time.Second, err)
		if b.flaw == "throttles one conversation" {
			o.Scope = fault.Conversation
		}
		if b.flaw == "throttles for no time" && seconds == 0 {
			o.After = 0
		}
		return o
	}
	if b.flaw == "gives up on status 500" {
		return fault.Kill("broken", err)
	}
	return err
}

func (b *tiny) decode(data []byte) (avatar.Reply, error) {
	var r WebhookReply
	err := json.Unmarshal(data, &r)
	if b.flaw == "takes anything for a reply" {
		return avatar.Reply{Text: r.Text}, nil
	}
	if err != nil || r == (WebhookReply{}) {
		return avatar.Reply{}, errors.New("the answer makes no sense")
	}
	return avatar.Reply{Text: r.Text, Emotion: r.Emotion, Ends: r.End}, nil
}

// tinyListener is a tiny that hears callbacks too.
type tinyListener struct{ *tiny }

func (b tinyListener) Handler(say avatar.Speaker) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit := int64(tinyLimit)
		if b.flaw == "takes a callback of any size" {
			limit = 1 << 40
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
		if err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		now := time.Now()
		if b.flaw == "takes a callback of any age" {
			at, _ := strconv.ParseInt(r.Header.Get(headerTimestamp), 10, 64)
			now = time.Unix(at, 0)
		}
		unsigned := b.flaw == "takes an unsigned callback" && r.Header.Get(headerSignature) == ""
		if err := verify(b.key, r.Header, body, now); err != nil && b.flaw != "takes a forged callback" && !unsigned {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var reply WebhookReply
		err = json.Unmarshal(body, &reply)
		if (err != nil || reply == (WebhookReply{})) && b.flaw != "says a callback without sense" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		b.hear(w, r, say, reply)
	})
}

func (b tinyListener) hear(w http.ResponseWriter, r *http.Request, say avatar.Speaker, reply WebhookReply) {
	key := r.Header.Get(headerID)
	switch b.flaw {
	case "answers before it is stored":
		w.WriteHeader(http.StatusOK)
	case "no key":
		key = ""
	case "one key for all":
		key = "key"
	}
	err := say.Say(r.Context(), avatar.Reply{Text: reply.Text, Key: key, Ends: reply.End})
	switch {
	case err == nil || b.flaw == "answers 200 whatever happens":
		w.WriteHeader(http.StatusOK)
	case errors.Is(err, avatar.ErrGone) && b.flaw != "knows no ended conversation":
		w.WriteHeader(http.StatusNotFound)
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}
