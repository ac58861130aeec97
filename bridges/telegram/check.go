package telegram

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"avatarbridge/bridges/fault"
)

// maxSkew is how far the clocks may be apart before messages look too old or too new.
const maxSkew = 30 * time.Second

// Check asks Telegram who the bot is and how its updates are delivered. It posts nothing and fetches no updates.
func (b *Bridge) Check(ctx context.Context) []fault.Finding {
	defer b.transport.CloseIdleConnections()
	x, result, err := b.exchange(ctx, callTimeout, "getMe", func(x *exchange) (*tgbotapi.APIResponse, error) { return x.form(nil) })
	var me user
	switch {
	case refused(err):
		return []fault.Finding{{What: "Telegram refuses the token", Fix: "copy the token again from @BotFather (/mybots, API Token) into token"}}
	case err != nil:
		return []fault.Finding{{What: "Telegram is not reached: " + err.Error(), Fix: b.cfg.unreached()}}
	case json.Unmarshal(result, &me) != nil || me.ID == 0:
		return []fault.Finding{{What: errNoBot.Error(), Fix: "set api_url to a Bot API server"}}
	}
	found := []fault.Finding{{OK: true, What: "token accepted: @" + me.Username}}
	found = append(found, b.checkDelivery(ctx), b.checkPrivacy(me))
	if f, ok := checkClock(x.date, time.Now()); ok {
		found = append(found, f)
	}
	return found
}

// checkDelivery compares the webhook that Telegram has with the one that the mode needs.
func (b *Bridge) checkDelivery(ctx context.Context) fault.Finding {
	var info webhookInfo
	if err := b.get(ctx, "getWebhookInfo", nil, &info); err != nil {
		return fault.Finding{What: "Telegram does not tell whether a webhook is set: " + err.Error(), Fix: "try again"}
	}
	switch {
	case b.cfg.Mode == Poll && info.URL == "":
		return fault.Finding{OK: true, What: "no webhook is set, so the bot can poll"}
	case b.cfg.Mode == Poll:
		return fault.Finding{What: "a webhook is set while mode is poll",
			Fix: `stop the program that set it; this one deletes it at its start. To keep a webhook, set mode = "webhook"`}
	case b.cfg.WebhookURL == "":
		return fault.Finding{What: "the program has no public address for the webhook", Fix: `set server.public_url, or mode = "poll"`}
	case info.URL == "":
		return fault.Finding{OK: true, What: "the webhook is not set yet: the program sets it at its start"}
	case info.URL != b.cfg.WebhookURL:
		return fault.Finding{What: "another webhook is set than the one of this bridge",
			Fix: "stop the program that set it; this one replaces it at its start. See whether server.public_url is right"}
	case info.failing(time.Now()):
		return fault.Finding{What: "Telegram cannot deliver to the webhook: " + b.harmless(info.Error),
			Fix: "see whether server.public_url reaches this program from the internet over https, with a valid certificate"}
	}
	return fault.Finding{OK: true, What: fmt.Sprintf("the webhook is set, %d updates wait", info.Pending)}
}

// checkPrivacy compares what the bot hears in groups with what its routes need.
func (b *Bridge) checkPrivacy(me user) fault.Finding {
	switch {
	case me.ReadsAll:
		return fault.Finding{OK: true, What: "privacy mode is off: the bot hears all messages of its groups"}
	case b.cfg.ReadsRooms:
		return fault.Finding{What: "privacy mode is on, so the bot hears only mentions and replies, and a room has reply_when = \"always\"",
			Fix: "@BotFather: /setprivacy, Disable; then remove the bot from the group and add it again. Or make it an administrator there"}
	}
	return fault.Finding{OK: true, What: "privacy mode is on: in groups the bot hears mentions and replies, which is all it needs"}
}

// checkClock compares an answer's date with the time now; false when it has none.
func checkClock(date string, now time.Time) (fault.Finding, bool) {
	at, err := http.ParseTime(date)
	if err != nil {
		return fault.Finding{}, false
	}
	skew := now.Sub(at).Round(time.Second)
	if skew.Abs() <= maxSkew {
		return fault.Finding{OK: true, What: "the clock agrees with Telegram's"}, true
	}
	way := "ahead of"
	if skew < 0 {
		way = "behind"
	}
	return fault.Finding{What: fmt.Sprintf("the clock is %v %s Telegram's, so that messages look older or newer than they are", skew.Abs(), way),
		Fix: "set this machine's clock by a time server (NTP)"}, true
}
