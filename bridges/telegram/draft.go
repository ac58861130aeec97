package telegram

import (
	"context"
	"errors"
	"hash/fnv"
	"net/http"
	"strconv"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"avatarbridge/bridges"
	"avatarbridge/bridges/markup"
)

// draftEvery is the pace of drafts. Telegram documents none; it lets a chat have several a second for a short while only.
const draftEvery = 500 * time.Millisecond

// Drafts implements bridges.Drafter: private chats show a draft for half a minute, or until the message comes
// (https://core.telegram.org/bots/api#sendmessagedraft). A server that was found not to know the method is not asked again.
func (b *Bridge) Drafts(p bridges.Place) bridges.DraftStyle {
	if !p.Direct || b.noDrafts.Load() {
		return bridges.DraftStyle{}
	}
	return bridges.DraftStyle{Every: draftEvery}
}

// Draft implements bridges.Drafter. Of a reply that is longer than a message its end is shown. A draft goes by itself: there is nothing to take
// away.
func (b *Bridge) Draft(ctx context.Context, d bridges.Draft) (string, error) {
	pieces := markup.Split(markup.Parse(d.Text), markup.Telegram{})
	if len(pieces) == 0 {
		return "", nil
	}
	params := address(d.Place)
	params["draft_id"] = draftID(d.ID)
	form := textForms(pieces[len(pieces)-1])[0]
	params["text"] = form.Text
	if form.Kind == formHTML {
		params["parse_mode"] = tgbotapi.ModeHTML
	}
	_, err := b.call(ctx, "sendMessageDraft", params)
	if e, ok := errors.AsType[*apiError](err); ok && e.code == http.StatusNotFound {
		b.noDrafts.Store(true)
		b.log.Info("the Bot API server is older than 9.5 and shows no drafts; replies come whole")
	}
	return "", err
}

// draftID is a number for the draft, not zero, the same for all its versions.
func draftID(id string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	return strconv.FormatUint(uint64(h.Sum32()>>1)+1, 10)
}
