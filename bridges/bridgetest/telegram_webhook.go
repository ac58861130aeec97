package bridgetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"
)

// webhook is where a bot's updates are delivered to.
type webhook struct {
	mu  sync.Mutex
	now *delivery // nil when none is set
}

type wireWebhookInfo struct {
	URL              string   `json:"url"`
	HasCertificate   bool     `json:"has_custom_certificate"`
	Pending          int      `json:"pending_update_count"`
	LastErrorDate    int64    `json:"last_error_date,omitempty"`
	LastErrorMessage string   `json:"last_error_message,omitempty"`
	MaxConnections   int      `json:"max_connections,omitempty"`
	IPAddress        string   `json:"ip_address,omitempty"`
	AllowedUpdates   []string `json:"allowed_updates,omitempty"`
}

// setWebhook is the method of that name. Unlike Telegram it takes http addresses too, for tests on one machine.
func (t *Telegram) setWebhook(bot *Bot, p params) *answer {
	url, secret := p.text("url"), p.text("secret_token")
	switch {
	case url == "":
		return t.deleteWebhook(bot, p)
	case len(secret) > 256:
		return badRequest("secret token is too long")
	case strings.Trim(secret, alphabet+"_-") != "":
		return badRequest("secret token contains unallowed characters")
	case !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://127.0.0.1:"):
		return badRequest("bad webhook: An HTTPS URL must be provided for webhook")
	}
	w := &bot.webhook
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := w.now; d != nil && d.url == url && d.secret == secret && !p.truth("drop_pending_updates") {
		bot.queue.set(p, true)
		return good(true, "Webhook is already set")
	}
	w.end()
	bot.queue.set(p, true)
	ctx, stop := context.WithCancel(t.ctx)
	d := &delivery{t: t, bot: bot, url: url, secret: secret, stop: stop, ended: make(chan struct{})}
	w.now = d
	t.work.Go(func() { d.run(ctx) })
	return good(true, "Webhook was set")
}

// deleteWebhook is the method of that name.
func (t *Telegram) deleteWebhook(bot *Bot, p params) *answer {
	w := &bot.webhook
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.now != nil
	w.end()
	bot.queue.set(p, false)
	if was {
		return good(true, "Webhook was deleted")
	}
	return good(true, "Webhook is already deleted")
}

// end stops the delivery and waits for it; needs w.mu.
func (w *webhook) end() {
	if w.now != nil {
		w.now.stop()
		<-w.now.ended
		w.now = nil
	}
}

func (b *Bot) webhookInfo() wireWebhookInfo {
	info := wireWebhookInfo{Pending: len(b.Pending())}
	b.queue.mu.Lock()
	info.AllowedUpdates = b.queue.allowed
	b.queue.mu.Unlock()
	b.webhook.mu.Lock()
	defer b.webhook.mu.Unlock()
	if d := b.webhook.now; d != nil {
		info.URL, info.MaxConnections, info.IPAddress = d.url, 40, "127.0.0.1"
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.lastError != "" {
			info.LastErrorMessage, info.LastErrorDate = d.lastError, d.errorAt.Unix()
		}
	}
	return info
}

// set takes over what setWebhook and deleteWebhook say about the queue. A poll that waits is ended by a webhook.
func (q *updateQueue) set(p params, webhook bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if items, ok := p.list("allowed_updates"); ok {
		q.allowed = items
	}
	if p.truth("drop_pending_updates") {
		q.forget(len(q.pending))
	}
	if q.webhook = webhook; webhook {
		_ = q.conflict("Conflict: terminated by setWebhook request", false)
	}
}

// delivery posts a bot's updates to its webhook, one after the other, each until it is answered with 2xx.
type delivery struct {
	t           *Telegram
	bot         *Bot
	url, secret string
	stop        context.CancelFunc
	ended       chan struct{} // closed when run has returned

	mu        sync.Mutex
	lastError string
	errorAt   time.Time
}

func (d *delivery) run(ctx context.Context) {
	defer close(d.ended)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	delay := d.t.opt.WebhookRetry
	for ctx.Err() == nil {
		u, ok := d.bot.queue.first()
		if !ok {
			select {
			case <-d.bot.queue.wake:
			case <-ctx.Done():
			}
			continue
		}
		if problem := d.attempt(ctx, client, u); problem != "" {
			d.failed(problem)
			if !sleep(ctx, delay) {
				return
			}
			delay = min(2*delay, 50*d.t.opt.WebhookRetry)
			continue
		}
		delay = d.t.opt.WebhookRetry
		d.bot.queue.done(u.id)
		d.t.log.signal()
		d.t.steps.call(Step{Name: OffsetConfirmed, Method: "webhook", Bot: d.bot, Updates: []int64{u.id}})
	}
}

// attempt delivers an update once and returns what went wrong, "" for nothing.
func (d *delivery) attempt(ctx context.Context, client *http.Client, u update) string {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) {
		if info.Err == nil {
			d.t.steps.call(Step{Name: UpdateHandedOut, Method: "webhook", Bot: d.bot, Updates: []int64{u.id}})
		}
	}})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(u.raw))
	if err != nil {
		return "Failed to resolve host"
	}
	req.Header.Set("Content-Type", "application/json")
	if d.secret != "" {
		req.Header.Set("X-Telegram-Bot-Api-Secret-Token", d.secret)
	}
	resp, err := client.Do(req)
	if err != nil {
		return "Connection refused"
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Sprintf("Wrong response from the webhook: %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return ""
}

func (d *delivery) failed(problem string) {
	d.mu.Lock()
	d.lastError, d.errorAt = problem, time.Now()
	d.mu.Unlock()
	d.t.log.signal()
}

// sleep waits; false means that ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// first returns the oldest pending update.
func (q *updateQueue) first() (update, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.pending) == 0 {
		return update{}, false
	}
	return q.pending[0], true
}

// done forgets the oldest update if it still is the one with the id.
func (q *updateQueue) done(id int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.pending) > 0 && q.pending[0].id == id {
		q.forget(1)
	}
}
