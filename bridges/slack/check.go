package slack

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"avatarbridge/bridges/fault"
)

// maxSkew is how far the clocks may be apart: signatures older than five minutes are refused.
const maxSkew = 30 * time.Second

// Check asks Slack who the bot is, which scopes it has, and whether events can come. It posts nothing and takes no events.
func (b *Bridge) Check(ctx context.Context) []fault.Finding {
	defer b.client.CloseIdleConnections()
	me, x, err := b.whoami(ctx)
	switch {
	case refused(err):
		return []fault.Finding{{What: "Slack refuses the bot token: " + named(err), Fix: fault.Of(err).Reason}}
	case err != nil:
		return []fault.Finding{{What: "Slack is not reached: " + err.Error(), Fix: b.cfg.unreached()}}
	}
	found := []fault.Finding{{OK: true, What: fmt.Sprintf("token accepted: @%s in %s (%s)", me.Name, me.TeamName, me.Team)}}
	found = append(found, b.checkScopes(me)...)
	found = append(found, b.checkEvents(ctx))
	if f, ok := checkClock(x.header.Get("Date"), time.Now()); ok {
		found = append(found, f)
	}
	return found
}

// checkScopes names what is missing, and what it is for.
func (b *Bridge) checkScopes(me self) []fault.Finding {
	if me.scopes == nil {
		return []fault.Finding{{OK: true, What: "Slack does not say which scopes the token has"}}
	}
	var missing []string
	var uses []string
	for _, s := range b.cfg.wanted() {
		if len(me.lacks([]string{s.name})) > 0 {
			missing = append(missing, s.name)
			uses = append(uses, s.name+" ("+s.use+")")
		}
	}
	if missing == nil {
		return []fault.Finding{{OK: true, What: "the bot token has all scopes"}}
	}
	return []fault.Finding{{What: "the bot token lacks scopes: " + strings.Join(uses, ", "),
		Fix: "add " + strings.Join(missing, ", ") + " at the app's page OAuth & Permissions, or paste the manifest of the README at its page App Manifest; " +
			"then install the app again"}}
}

// checkEvents looks whether Slack can tell the bridge of events.
func (b *Bridge) checkEvents(ctx context.Context) fault.Finding {
	if b.cfg.AppToken == "" {
		if b.cfg.EventsURL == "" {
			return fault.Finding{What: "the program has no public address for events", Fix: "set server.public_url, or app_token for Socket Mode"}
		}
		return fault.Finding{OK: true, What: "events are expected at " + b.cfg.EventsURL +
			": set it as the Request URL at the app's pages Event Subscriptions and Slash Commands"}
	}
	_, err := b.call(ctx, "apps.connections.open", func(ctx context.Context, api *slackapi.Client) error {
		_, _, err := api.StartSocketModeContext(ctx) // an address that nobody connects to is forgotten by Slack
		return err
	})
	if err = appTokenError(err); err != nil {
		return fault.Finding{What: "no socket can be opened: " + or(named(err), err.Error()), Fix: or(fault.Of(err).Reason, "try again")}
	}
	return fault.Finding{OK: true, What: "Socket Mode is on, and the app-level token accepted"}
}

// checkClock compares an answer's date with the time now; false when it has none.
func checkClock(date string, now time.Time) (fault.Finding, bool) {
	at, err := http.ParseTime(date)
	if err != nil {
		return fault.Finding{}, false
	}
	skew := now.Sub(at).Round(time.Second)
	if skew.Abs() <= maxSkew {
		return fault.Finding{OK: true, What: "the clock agrees with Slack's"}, true
	}
	way := "ahead of"
	if skew < 0 {
		way = "behind"
	}
	return fault.Finding{What: fmt.Sprintf("the clock is %v %s Slack's, so that messages look older or newer than they are", skew.Abs(), way),
		Fix: "set this machine's clock by a time server (NTP)"}, true
}
