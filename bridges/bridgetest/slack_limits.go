package bridgetest

import (
	"math"
	"sync"
	"time"
)

// SlackLimits are the rates over which calls get 429.
type SlackLimits struct {
	Post    Limit            // posting, for each app in each channel
	Methods map[string]Limit // a method, for each app
}

// RealSlackLimits are what the documentation names: one message a second in a channel (bursts pass), and the tiers of the other methods
// that bridges use.
func RealSlackLimits() SlackLimits {
	tier := func(perMinute int) Limit {
		return Limit{Burst: perMinute, Every: time.Minute / time.Duration(perMinute)}
	}
	return SlackLimits{
		Post: Limit{Burst: 3, Every: time.Second},
		Methods: map[string]Limit{
			"apps.connections.open": tier(50), "chat.update": tier(50), "chat.delete": tier(50), "chat.startStream": tier(20),
			"chat.appendStream": tier(100), "chat.stopStream": tier(20), "conversations.history": tier(50), "conversations.replies": tier(50),
			"conversations.info": tier(50), "conversations.list": tier(20), "conversations.open": tier(50), "users.conversations": tier(50),
			"users.info": tier(100), "usergroups.list": tier(20), "bots.info": tier(50), "files.getUploadURLExternal": tier(100), "files.completeUploadExternal": tier(100),
			"files.info": tier(100),
		},
	}
}

// externalSlackHistory is what apps that are distributed outside of the Marketplace may call of each history method.
var externalSlackHistory = Limit{Burst: 1, Every: time.Minute}

// slackLimiter counts with the generic cell rate algorithm.
type slackLimiter struct {
	mu     sync.Mutex
	limits SlackLimits
	due    map[string]time.Time
}

func (l *slackLimiter) init(limits SlackLimits) { l.limits, l.due = limits, map[string]time.Time{} }

// take counts a call and returns 0, or the seconds to wait when it is over a limit; then nothing is counted.
func (l *slackLimiter) take(c *slackCall, now time.Time) int {
	key, limit := c.app.ID+" "+c.method, l.limits.Methods[c.method]
	switch c.method {
	case "chat.postMessage":
		key, limit = key+" "+c.channel(), l.limits.Post
	case "conversations.history", "conversations.replies":
		if c.app.external {
			limit = externalSlackHistory
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	due, wait := limit.next(l.due[key], now)
	if wait > 0 {
		return int(math.Ceil(wait.Seconds()))
	}
	if limit.Every > 0 {
		l.due[key] = due
	}
	return 0
}
