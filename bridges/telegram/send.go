package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// typingLasts is how long Telegram shows the indicator, "5 seconds or less" (https://core.telegram.org/bots/api#sendchataction).
const typingLasts = 5 * time.Second

// Send implements bridges.Bridge.
func (b *Bridge) Send(ctx context.Context, m bridges.Message) (string, error) {
	if len(m.Forms) == 0 {
		return "", fault.Kill("the message has no form that can be sent", nil)
	}
	form := m.Forms[0]
	params := address(m.Place)
	if m.ReplyTo != "" && !m.Place.Direct {
		id, err := strconv.ParseInt(m.ReplyTo, 10, 64)
		if err == nil {
			params["reply_parameters"] = fmt.Sprintf(`{"message_id":%d,"allow_sending_without_reply":true}`, id)
		}
	}
	switch form.Kind {
	case formHTML, formText:
		params["text"] = form.Text
		// A preview would let Telegram fetch links that may work only once, or that only the person should open.
		params["link_preview_options"] = `{"is_disabled":true}`
		if form.Kind == formHTML {
			params["parse_mode"] = tgbotapi.ModeHTML
		}
		return b.post(ctx, callTimeout, "sendMessage", func(x *exchange) (*tgbotapi.APIResponse, error) { return x.form(params) })
	case formVoice, formAudio, formDocument:
		return b.sendSound(ctx, form, params)
	}
	return "", fault.Reject("this version of the program cannot send the form "+form.Kind, nil)
}

// address says where to post.
func address(p bridges.Place) tgbotapi.Params {
	params := tgbotapi.Params{"chat_id": p.Channel}
	if p.Thread != "" {
		params["message_thread_id"] = p.Thread
	}
	return params
}

// post makes the call that posts a message and returns the message's id, "" when Telegram took it and its answer cannot be read.
func (b *Bridge) post(ctx context.Context, timeout time.Duration, method string,
	do func(*exchange) (*tgbotapi.APIResponse, error)) (string, error) {
	id := ""
	x, result, err := b.exchange(ctx, timeout, method, func(x *exchange) (*tgbotapi.APIResponse, error) {
		x.read = func(answer []byte) bool {
			id = posted(answer)
			return id != ""
		}
		return do(x)
	})
	if err == nil && id != "" {
		return id, nil
	}
	if err != nil {
		if _, spoke := errors.AsType[*apiError](err); !spoke && x.status >= 200 && x.status < 300 {
			return "", nil
		}
		if l := b.ear.Load(); l != nil && refused(err) {
			l.rx.Health(err)
		}
		return "", err
	}
	var sent struct {
		ID int64 `json:"message_id"`
	}
	if json.Unmarshal(result, &sent) != nil || sent.ID == 0 {
		return "", nil
	}
	return strconv.FormatInt(sent.ID, 10), nil
}

// posted reads the id of the message from an answer that begins as Telegram's do, "" from any other one: it is all that is wanted of an answer
// that repeats the message.
func posted(answer []byte) string {
	rest, ok := bytes.CutPrefix(answer, []byte(`{"ok":true,"result":{"message_id":`))
	n := bytes.IndexAny(rest, ",}")
	if !ok || n < 1 || n > 19 || rest[0] == '0' || bytes.ContainsFunc(rest[:n], func(r rune) bool { return r < '0' || r > '9' }) {
		return ""
	}
	return string(rest[:n])
}

// Typing implements bridges.Typer.
func (b *Bridge) Typing(ctx context.Context, p bridges.Place) (time.Duration, error) {
	params := address(p)
	params["action"] = tgbotapi.ChatTyping
	_, err := b.call(ctx, "sendChatAction", params)
	return typingLasts, err
}
