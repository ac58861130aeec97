package bridgetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// answer is what the server says to a call.
type answer struct {
	status int
	body   []byte
	post   *Post   // what the call posted, nil for nothing
	handed []int64 // updates in the body
	bot    *Bot
	chat   int64

	description string // of a failure
}

// good is the answer of a call that succeeded.
func good(result any, description string) *answer {
	raw, err := json.Marshal(result)
	if err != nil {
		return failure(http.StatusInternalServerError, "Internal Server Error: "+err.Error())
	}
	return goodRaw(raw, description)
}

func goodRaw(result []byte, description string) *answer {
	b := make([]byte, 0, len(result)+len(description)+40)
	b = append(b, `{"ok":true,"result":`...)
	b = append(b, result...)
	if description != "" {
		b = append(b, `,"description":`...)
		b = strconv.AppendQuote(b, description)
	}
	return &answer{status: http.StatusOK, body: append(b, '}')}
}

// failure is the answer of a call that failed, with the description as it stands.
func failure(status int, description string) *answer {
	return failureWith(status, description, nil)
}

func badRequest(description string) *answer {
	return failure(http.StatusBadRequest, "Bad Request: "+description)
}

func tooMany(seconds int) *answer {
	return failureWith(http.StatusTooManyRequests, fmt.Sprintf("Too Many Requests: retry after %d", seconds),
		map[string]any{"retry_after": seconds})
}

func failureWith(status int, description string, parameters map[string]any) *answer {
	body, err := json.Marshal(struct {
		OK          bool           `json:"ok"`
		ErrorCode   int            `json:"error_code"`
		Description string         `json:"description"`
		Parameters  map[string]any `json:"parameters,omitempty"`
	}{false, status, description, parameters})
	if err != nil {
		body = []byte(`{"ok":false,"error_code":500,"description":"Internal Server Error"}`)
	}
	return &answer{status: status, body: body, description: description}
}

// handle serves /bot<token>/<method> and /file/bot<token>/<path>.
func (t *Telegram) handle(w http.ResponseWriter, r *http.Request) {
	t.live.RLock()
	defer t.live.RUnlock()
	if t.ctx.Err() != nil {
		return
	}
	path, isFile := strings.CutPrefix(r.URL.Path, "/file")
	token, method, ok := strings.Cut(strings.TrimPrefix(path, "/bot"), "/")
	switch {
	case !strings.HasPrefix(path, "/bot") || !ok:
		write(w, failure(http.StatusNotFound, "Not Found"))
	case isFile:
		t.serveFile(w, token, method)
	default:
		t.serveCall(w, r, token, strings.ToLower(method))
	}
}

// serveCall answers one call of a method, and puts the faults that a test asked for into it.
func (t *Telegram) serveCall(w http.ResponseWriter, r *http.Request, token, method string) {
	p, refused := readParams(r)
	if refused != nil {
		write(w, refused)
		return
	}
	t.calls.add(method)
	chat, _ := strconv.ParseInt(p.text("chat_id"), 10, 64)
	bot := t.bot(token)
	sends := postsMessage(method)
	if sends {
		t.steps.call(Step{Name: SendReceived, Method: method, Chat: chat, Bot: bot})
	}
	process := func() *answer {
		if bot == nil {
			return unknownToken(token)
		}
		a := t.call(r, bot, method, p)
		a.bot, a.chat = bot, chat
		return a
	}
	a, delivered := t.faults.through(t, w, r, wireCall{method: method, chat: chat}, process)
	if a == nil || !delivered {
		return
	}
	t.told(a, sends, method)
}

// told reports what was written to the client.
func (t *Telegram) told(a *answer, sends bool, method string) {
	if len(a.handed) > 0 {
		t.steps.call(Step{Name: UpdateHandedOut, Method: method, Bot: a.bot, Updates: a.handed})
	}
	if sends && a.post != nil {
		t.steps.call(Step{Name: SendAnswered, Method: method, Chat: a.chat, Bot: a.bot, Message: a.post.ID})
	}
}

// unknownToken tells a malformed token from one that is not valid any more, as Telegram does.
func unknownToken(token string) *answer {
	id, secret, ok := strings.Cut(token, ":")
	if _, err := strconv.ParseUint(id, 10, 63); err != nil || !ok || len(secret) < 4 {
		return failure(http.StatusUnauthorized, "Unauthorized: invalid token specified")
	}
	return failure(http.StatusUnauthorized, "Unauthorized")
}

func postsMessage(method string) bool {
	switch method {
	case "sendmessage", "sendvoice", "sendaudio", "senddocument":
		return true
	}
	return false
}

// call processes a method of the Bot API.
func (t *Telegram) call(r *http.Request, bot *Bot, method string, p params) *answer {
	switch method {
	case "getme":
		return good(wireMe{wireUser: bot.user(), CanJoinGroups: true, CanReadAllGroupMessages: bot.ReadsAll}, "")
	case "getupdates":
		return t.getUpdates(r, bot, p)
	case "setwebhook":
		return t.setWebhook(bot, p)
	case "deletewebhook":
		return t.deleteWebhook(bot, p)
	case "getwebhookinfo":
		return good(bot.webhookInfo(), "")
	case "sendmessage":
		return t.sendMessage(bot, p)
	case "sendvoice", "sendaudio", "senddocument":
		return t.sendFile(bot, strings.TrimPrefix(method, "send"), p)
	case "sendchataction":
		return t.sendChatAction(bot, p)
	case "editmessagetext":
		return t.editMessageText(bot, p)
	case "deletemessage":
		return t.deleteMessage(bot, p)
	case "getfile":
		return t.getFile(p)
	case "getchat":
		return t.getChat(bot, p)
	case "getchatmember":
		return t.getChatMember(bot, p)
	case "sendmessagedraft":
		return t.sendMessageDraft(bot, p)
	case "setmycommands", "deletemycommands":
		return good(true, "")
	}
	return failure(http.StatusNotFound, "Not Found: method not found")
}

// write sends an answer and reports whether the client's connection took it.
func write(w http.ResponseWriter, a *answer) bool {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, err := w.Write(a.body)
	if err == nil {
		err = http.NewResponseController(w).Flush()
	}
	return err == nil
}

// callCounts counts calls by method.
type callCounts struct {
	mu       sync.Mutex
	byMethod map[string]int
}

func (c *callCounts) add(method string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byMethod[method]++
}

// Calls returns how many times a method was called ("sendMessage"), whatever the answer was.
func (t *Telegram) Calls(method string) int {
	t.calls.mu.Lock()
	defer t.calls.mu.Unlock()
	return t.calls.byMethod[strings.ToLower(method)]
}
