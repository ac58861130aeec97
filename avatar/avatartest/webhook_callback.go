package avatartest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Callback is a reply that is posted to a turn's callback. Posting the same one twice, or several in another order, is up to the caller.
type Callback struct {
	ID     string // webhook-id, the same each time the reply is posted; "" is a random one
	Reply  WebhookReply
	At     time.Time // webhook-timestamp; the zero time is now
	Forged bool      // signed with another secret
	Pad    int       // bytes of white space before the body's end, well signed
	Raw    string    // the body in place of Reply
}

// Posted is how posting a Callback ended.
type Posted struct {
	ID     string
	URL    string
	Status int // 0: there was no answer
}

// CallbackRequest makes the signed request of a callback.
func (w *Webhook) CallbackRequest(ctx context.Context, url string, c Callback) (*http.Request, error) {
	body := []byte(c.Raw)
	if c.Raw == "" {
		var err error
		if body, err = json.Marshal(c.Reply); err != nil {
			return nil, err
		}
	}
	body = append(body, strings.Repeat(" ", c.Pad)...)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if c.ID == "" {
		c.ID = randomID()
	}
	if c.At.IsZero() {
		c.At = w.cfg.Now()
	}
	key := w.key
	if c.Forged {
		key = []byte("a key that nobody agreed upon")
	}
	stamp := strconv.FormatInt(c.At.Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header[http.CanonicalHeaderKey(headerID)] = []string{c.ID}
	req.Header.Set(headerTimestamp, stamp)
	req.Header.Set(headerSignature, signature(key, c.ID, stamp, body))
	return req, nil
}

// Callback makes the request of a callback as the suite needs it.
func (w *Webhook) Callback(ctx context.Context, url string, c Spoken) (*http.Request, error) {
	out := Callback{ID: c.Key, Reply: WebhookReply{Text: c.Text}, Forged: c.Forged, Pad: c.Pad, Raw: c.Raw}
	if c.Age != 0 {
		out.At = w.cfg.Now().Add(-c.Age)
	}
	return w.CallbackRequest(ctx, url, out)
}

// Post posts a callback once and returns the status of the answer.
func (w *Webhook) Post(ctx context.Context, url string, c Callback) (int, error) {
	if c.ID == "" {
		c.ID = randomID()
	}
	req, err := w.CallbackRequest(ctx, url, c)
	if err != nil {
		return 0, err
	}
	h := Heard{ID: c.ID, Text: c.Reply.Text}
	p := Posted{ID: c.ID, URL: url}
	w.step(CallbackPosted, h)
	resp, err := w.client.Do(req)
	if err == nil {
		p.Status = resp.StatusCode
		_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
		err = errors.Join(err, resp.Body.Close())
	}
	w.callbacks.add(p)
	if p.Status != 0 {
		w.step(CallbackAnswered, h)
	}
	if err != nil {
		return p.Status, fmt.Errorf("post callback: %w", err)
	}
	return p.Status, nil
}

// Callbacks are the posts made so far and how they ended, in the order they ended.
func (w *Webhook) Callbacks() []Posted { return w.callbacks.all() }

// postAll posts later replies one after the other, each until it is taken, the conversation is gone, or its retries are used up.
func (w *Webhook) postAll(url string, later []Callback) {
	defer w.later.Done()
	for _, c := range later {
		if c.ID == "" {
			c.ID = randomID()
		}
		for range w.cfg.Retries + 1 {
			status, _ := w.Post(w.srv.quit, url, c) // Callbacks tells how it ended
			if status/100 == 2 || status == http.StatusNotFound {
				break
			}
			select {
			case <-w.srv.quit.Done():
				return
			case <-time.After(w.cfg.RetryEvery):
			}
		}
	}
}
