package telegram

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"avatarbridge/bridges/fault"
)

const (
	tokenReason  = "Telegram refuses the token: copy it again from @BotFather into the bridge's token"
	serverReason = "the server knows no such bot: copy the token again from @BotFather, and see whether api_url is right"
)

var errNoBot = errors.New("getMe: the answer names no bot: see whether api_url is a Bot API server")

// An apiError is a refusal in Telegram's words, without what it quotes of the message.
type apiError struct {
	method string
	code   int
	text   string
}

func (e *apiError) Error() string { return fmt.Sprintf("%s: %d %s", e.method, e.code, e.text) }

// refused reports whether err says that the token is not valid.
func refused(err error) bool {
	e, ok := errors.AsType[*apiError](err)
	return ok && (e.code == http.StatusUnauthorized || e.code == http.StatusNotFound)
}

// hopeless is the error of Run for a token that stays refused.
func hopeless(err error) error {
	o := fault.Of(err)
	return fault.Kill(o.Reason, o.Err)
}

// conflict reports whether err says that updates are fetched in another way too, and whether that way is a webhook.
func conflict(err error) (yes, webhook bool) {
	e, ok := errors.AsType[*apiError](err)
	yes = ok && e.code == http.StatusConflict
	return yes, yes && strings.Contains(strings.ToLower(e.text), "webhook")
}

// outcome says how a call ended that did not succeed. resp is what could be read of the answer, maybe nil.
func (x *exchange) outcome(resp *tgbotapi.APIResponse, err error) error {
	err = x.bridge.clean(err)
	e, spoke := errors.AsType[*tgbotapi.Error](err)
	switch {
	case x.status == 0 && !x.wrote.Load() && x.upload && errors.Is(x.ctx.Err(), context.DeadlineExceeded):
		return fault.Reject("the upload took too long", fmt.Errorf("%s: not sent: %w", x.method, err))
	case x.status == 0 && !x.wrote.Load():
		return &fault.Outcome{Kind: fault.Retry, Err: fmt.Errorf("%s: not sent: %w", x.method, err)}
	case x.status == 0:
		return fault.Unsure(fmt.Errorf("%s: no answer: %w", x.method, err))
	case spoke && resp != nil:
		return x.judge(resp, e.ResponseParameters)
	case x.status == http.StatusTooManyRequests:
		return fault.Throttle(fault.Channel, x.wait(), x.unreadable())
	case x.status == http.StatusRequestEntityTooLarge:
		return fault.Reject("it is larger than the server at api_url takes", x.unreadable())
	case x.status < 300, x.status >= 500:
		return fault.Unsure(x.unreadable())
	}
	return &fault.Outcome{Kind: fault.Retry, Err: x.unreadable(), Reason: "see whether api_url is a Bot API server"}
}

// wait is how long a proxy that answers 429 wants to be left alone; one that does not say gets a while.
func (x *exchange) wait() time.Duration {
	if s, err := strconv.Atoi(x.pause); err == nil && s > 0 && s < 3600 {
		return time.Duration(s) * time.Second
	}
	return 10 * time.Second
}

// unreadable is an answer that is not the Bot API's, such as a proxy's page.
func (x *exchange) unreadable() error {
	return fmt.Errorf("%s: status %d with something else than a Bot API answer", x.method, x.status)
}

// judge classifies a refusal that the Bot API put into words.
func (x *exchange) judge(resp *tgbotapi.APIResponse, p tgbotapi.ResponseParameters) error {
	e := &apiError{method: x.method, code: resp.ErrorCode, text: x.bridge.harmless(resp.Description)}
	if e.code == 0 {
		e.code = x.status
	}
	switch {
	case e.code == http.StatusTooManyRequests, p.RetryAfter > 0:
		return fault.Throttle(fault.Channel, time.Duration(p.RetryAfter)*time.Second, e)
	case p.MigrateToChatID != 0:
		return fault.MoveTo(strconv.FormatInt(p.MigrateToChatID, 10), e)
	case e.code == http.StatusNotFound:
		return &fault.Outcome{Kind: fault.Retry, Reason: serverReason, Err: e}
	case refused(e):
		return &fault.Outcome{Kind: fault.Retry, Reason: tokenReason, Err: e}
	case e.code == http.StatusForbidden:
		return fault.Kill(reason(forbidden, e.text, "Telegram does not let the bot write there: see what it may do in this chat"), e)
	case e.code >= 500:
		return fault.Unsure(e)
	case e.code == http.StatusConflict:
		return &fault.Outcome{Kind: fault.Retry, Err: e}
	}
	if why := reason(closed, e.text, ""); why != "" {
		return fault.Kill(why, e)
	}
	return fault.Reject("", e)
}

// An answer pairs words of Telegram, in lower case, with what they mean to the operator.
type answer struct{ words, reason string }

// forbidden are the answers with 403.
var forbidden = []answer{
	{"blocked by the user", "the person has blocked the bot: nothing can be done before they unblock it"},
	{"user is deactivated", "the person's account was deleted"},
	{"kicked", "the bot was removed from the chat: add it again"},
	{"not a member", "the bot is not in the chat: add it"},
	{"deleted", "the group was deleted"},
	{"can't initiate", "the person has never written to the bot: Telegram lets them begin"},
	{"send messages to bots", "Telegram lets no bot write to another bot"},
}

// closed are the answers with 400 that no other form of the message would change.
var closed = []answer{
	{"chat not found", "Telegram knows no such chat for this bot: the person never started it, or it was never in the group"},
	{"peer_id_invalid", "Telegram knows no such chat for this bot"},
	{"user_is_blocked", "the person has blocked the bot: nothing can be done before they unblock it"},
	{"deactivated", "the group or the account no longer exists"},
	{"thread not found", "the topic was deleted"},
	{"topic_deleted", "the topic was deleted"},
	{"topic_closed", "the topic is closed: open it again, or let the bot manage topics"},
	{"have no rights to send a message", "the bot may not write in the group: give it the right to send messages"},
	{"send text messages", "the bot may not write in the group: give it the right to send messages"},
	{"chat_send_plain_forbidden", "the bot may not write in the group: give it the right to send messages"},
	{"chat_write_forbidden", "the bot may not write in the group: give it the right to send messages"},
	{"chat_restricted", "the bot may not write in the group: give it the right to send messages"},
	{"chat_admin_required", "the bot may write in the channel only as an administrator: make it one"},
	{"need administrator rights in the channel", "the bot may write in the channel only as an administrator: make it one"},
}

// reason returns the reason of the first of list whose words are in text, else the other.
func reason(list []answer, text, other string) string {
	text = strings.ToLower(text)
	for _, a := range list {
		if strings.Contains(text, a.words) {
			return a.reason
		}
	}
	return other
}

var quoted = regexp.MustCompile(`"[^"]*"?`)

// harmless is a description without what it quotes, which may be part of a message, and without the token.
func (b *Bridge) harmless(description string) string {
	s := quoted.ReplaceAllString(description, "…")
	s = strings.ReplaceAll(s, b.secret, "…")
	return strings.ToValidUTF8(s[:min(len(s), 200)], "")
}
