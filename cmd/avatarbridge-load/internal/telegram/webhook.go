package telegram

import (
	"cmp"
	"fmt"
	"sync"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// maxConnections is how many calls Telegram makes at once at most: what max_connections of setWebhook may be.
const maxConnections = 100

// callAgain is how soon a call is made again that was not answered well. Telegram's own pauses grow, for which nobody here waits.
const callAgain = 100 * time.Millisecond

// A hook calls the bot for each update. The updates of one chat wait for each other.
type hook struct {
	hooks  wire.Hooks
	client *wire.Client
	secret string
	done   <-chan struct{} // the server's
	work   sync.WaitGroup

	mu      sync.Mutex
	url     string // "" until the bot has set it
	last    int64  // id of an update
	waiting int
	lines   map[int][][]byte // of each chat, what is not confirmed; a goroutine is at work on it once there is an address
	over    bool
}

// NewWebhook starts a server like New for a bot with a webhook, which it has to set. Close must be called.
func NewWebhook(number int, l *ledger.Ledger, h wire.Hooks) (*Server, error) {
	hk := &hook{hooks: h, client: wire.NewClient(maxConnections), secret: fmt.Sprintf("load-secret-%d", number),
		last: firstUpdate, lines: map[int][][]byte{}}
	hk.client.Sent = func() { h.Reach(UpdateHandedOut) }
	return listen(number, l, h, hk)
}

// next is the id of a new update.
func (h *hook) next() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	return h.last
}

func (h *hook) unconfirmed() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.waiting
}

// add has an update delivered behind those of its chat.
func (h *hook) add(chat int, update []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting++
	h.lines[chat] = append(h.lines[chat], update)
	if len(h.lines[chat]) == 1 && h.url != "" {
		h.begin(chat)
	}
}

// begin delivers what waits in a chat. It needs h.mu.
func (h *hook) begin(chat int) {
	if !h.over { // else nobody would wait for it
		h.work.Go(func() { h.deliver(chat) })
	}
}

// deliver calls until nothing waits in a chat any more.
func (h *hook) deliver(chat int) {
	for {
		h.mu.Lock()
		line, url := h.lines[chat], h.url
		h.mu.Unlock()
		if len(line) == 0 {
			return
		}
		status, err := h.client.Post(url, line[0], "X-Telegram-Bot-Api-Secret-Token: "+h.secret)
		if err == nil && status/100 == 2 {
			if h.confirm(chat) {
				return
			}
			continue
		}
		select {
		case <-time.After(callAgain):
		case <-h.done:
			return
		}
	}
}

// confirm takes off the first of what waits in a chat, and reports whether it was the last, after which the next update begins anew.
func (h *hook) confirm(chat int) (last bool) {
	h.mu.Lock()
	h.waiting--
	h.lines[chat] = h.lines[chat][1:]
	if last = len(h.lines[chat]) == 0; last {
		delete(h.lines, chat)
	}
	h.mu.Unlock()
	h.hooks.Reach(OffsetConfirmed)
	return last
}

// set notes where the bot is, and delivers what has waited for that.
func (h *hook) set(url string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := h.url == ""
	h.url = cmp.Or(url, h.url)
	if first && h.url != "" {
		for chat := range h.lines {
			h.begin(chat)
		}
	}
}

// close ends the calls, when the server is closed.
func (h *hook) close() {
	h.mu.Lock()
	h.over = true
	h.mu.Unlock()
	h.client.Close()
	h.work.Wait()
}

// setWebhook is a call of the bot. One that is to be polled has no webhook.
func (s *Server) setWebhook(c *wire.Conn, body []byte, f *wire.Fault) error {
	if s.hook == nil || f.Refuses() {
		return f.Reply(c, []byte(`{"ok":true,"result":true}`))
	}
	s.hooks.Reach(HookSet)
	s.hook.set(wire.Field(body, "url="))
	s.hooks.Hear()
	return f.Reply(c, []byte(`{"ok":true,"result":true}`))
}

// webhookInfo is the answer to getWebhookInfo.
func (s *Server) webhookInfo() []byte {
	url, waiting := "", 0
	if h := s.hook; h != nil {
		h.mu.Lock()
		url, waiting = h.url, h.waiting
		h.mu.Unlock()
	}
	return fmt.Appendf(nil, `{"ok":true,"result":{"url":%q,"has_custom_certificate":false,"pending_update_count":%d}}`, url, waiting)
}
