package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

const (
	pollSeconds = 50
	pollSlack   = 20 * time.Second // for the answer's way, beyond which a poll is taken for lost
	pollLimit   = 100              // the most that Telegram gives at once

	// staleAfter is when a stored offset is not trusted any more: "if there are no new updates for at least a week, then identifier of
	// the next update will be chosen randomly" (https://core.telegram.org/bots/api#update), and an offset above it would throw new
	// updates away.
	staleAfter = 6 * 24 * time.Hour

	// maxRefusals is how many times in a row a token that once worked is tried before Run gives up.
	maxRefusals = 8
)

// errOtherPoller is what the operator reads while somebody else fetches the bot's updates.
var errOtherPoller = errors.New("another program polls with this bot's token: stop it, or give it a bot of its own")

// A poller fetches updates until its context ends.
type poller struct {
	*listener
	bridge   *Bridge
	confirm  int64 // the offset that confirms what was stored last; 0 when Telegram has confirmed it
	refusals int
	unhooked bool // a webhook was deleted
}

// poll stores what Telegram has, confirms it with the next poll, and so on. An offset is sent only until Telegram has confirmed it: from
// then on the oldest update is asked for, whatever its id.
func (b *Bridge) poll(ctx context.Context, l *listener, cursor string) error {
	p := &poller{listener: l, bridge: b, confirm: readCursor(cursor, time.Now())}
	pause := fault.Backoff{Least: 300 * time.Millisecond, Most: 30 * time.Second}
	for {
		updates, err := p.fetch(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			if err := p.failed(ctx, err); err != nil {
				return err
			}
			if pause.Wait(ctx, err) != nil {
				return nil
			}
			continue
		}
		p.confirm, p.refusals = 0, 0
		p.rx.Health(nil)
		if len(updates) == 0 {
			pause.Reset()
			continue
		}
		batch, next := p.read(updates)
		if next == 0 { // nothing in it can be confirmed, so that it would come again at once
			if pause.Wait(ctx, nil) != nil {
				return nil
			}
			continue
		}
		pause.Reset()
		batch.Cursor = writeCursor(next, time.Now())
		b.vouch(ctx, batch.Events)
		if !p.store(ctx, batch) {
			return nil
		}
		p.confirm = next
	}
}

// fetch makes one long poll.
func (p *poller) fetch(ctx context.Context) ([]update, error) {
	params := tgbotapi.Params{"timeout": strconv.Itoa(pollSeconds), "limit": strconv.Itoa(pollLimit), "allowed_updates": allowedUpdates}
	if p.confirm != 0 {
		params["offset"] = strconv.FormatInt(p.confirm, 10)
	}
	var quick struct {
		OK     bool     `json:"ok"`
		Result []update `json:"result"`
	}
	understood := false
	_, result, err := p.bridge.exchange(ctx, pollSeconds*time.Second+pollSlack, "getUpdates", func(x *exchange) (*tgbotapi.APIResponse, error) {
		x.read = func(answer []byte) bool {
			understood = json.Unmarshal(answer, &quick) == nil && quick.OK && quick.Result != nil
			return understood
		}
		return x.form(params)
	})
	if err != nil {
		return nil, err
	}
	if understood {
		return quick.Result, nil
	}
	var raw []json.RawMessage
	if json.Unmarshal(result, &raw) != nil {
		return nil, errors.New("getUpdates: the answer is no list of updates")
	}
	updates := make([]update, len(raw))
	for i, r := range raw {
		updates[i] = parse(r)
	}
	return updates, nil
}

// failed tells what is wrong. It returns an error when polling on is pointless.
func (p *poller) failed(ctx context.Context, err error) error {
	if refused(err) {
		if p.refusals++; p.refusals >= maxRefusals {
			return hopeless(err)
		}
	}
	other, webhook := conflict(err)
	switch {
	case webhook && !p.unhooked:
		p.unhooked = true
		p.log.Warn("a webhook was set for the bot, which keeps it from polling; deleting it", "bot", "@"+p.me.Username)
		if _, hookErr := p.bridge.call(ctx, "deleteWebhook", nil); hookErr != nil {
			p.unhooked = false
			err = fmt.Errorf("delete the bot's webhook: %w", hookErr)
		}
	case webhook:
		p.unhooked = false // deleted anew next time: somebody sets it again and again
		err = errors.New("another program sets a webhook for this bot's token: stop it, or give it a bot of its own")
	case other:
		err = errOtherPoller
	}
	p.log.Warn("cannot fetch updates", "error", err)
	p.rx.Health(err)
	return nil
}

// store offers the batch until it is stored. It reports false when ctx has ended.
func (p *poller) store(ctx context.Context, batch bridges.Batch) bool {
	pause := fault.Backoff{Least: 50 * time.Millisecond, Most: 5 * time.Second}
	for {
		err := p.rx.Receive(ctx, batch)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		p.log.Error("messages are not stored, and not confirmed to Telegram", "updates", len(batch.Events), "error", err)
		if pause.Wait(ctx, nil) != nil {
			return false
		}
	}
}

// writeCursor notes an offset and when it was reached.
func writeCursor(offset int64, now time.Time) string {
	return strconv.FormatInt(offset, 10) + "@" + strconv.FormatInt(now.Unix(), 10)
}

// readCursor returns the offset of a cursor, 0 when there is none that can be trusted.
func readCursor(cursor string, now time.Time) int64 {
	left, right, _ := strings.Cut(cursor, "@")
	offset, err := strconv.ParseInt(left, 10, 64)
	at, err2 := strconv.ParseInt(right, 10, 64)
	if err != nil || err2 != nil || now.Sub(time.Unix(at, 0)) > staleAfter {
		return 0
	}
	return offset
}
