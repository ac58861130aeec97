package bridgetest

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// DiscordLimit is a bucket: N requests in each window of the length Per. The zero value is no limit.
type DiscordLimit struct {
	N   int
	Per time.Duration
}

// DiscordLimits are the rates over which a request gets 429.
type DiscordLimits struct {
	Global DiscordLimit            // of a bot; interaction endpoints are free of it
	Routes map[string]DiscordLimit // by route ("" for the others), counted for each channel, guild or webhook
}

// RealDiscordLimits are 50 requests a second, which the documentation names, and for the routes what is often met: it names none, for
// they change.
func RealDiscordLimits() DiscordLimits {
	return DiscordLimits{Global: DiscordLimit{50, time.Second}, Routes: map[string]DiscordLimit{
		RouteCreateMessage: {5, 5 * time.Second},
		RouteEditMessage:   {5, 5 * time.Second},
		RouteTyping:        {5, 5 * time.Second},
		RouteGetMessages:   {5, 5 * time.Second},
		RouteFollowUp:      {5, 2 * time.Second},
		RouteEditFollowUp:  {5, 2 * time.Second},
		"":                 {10, 2 * time.Second},
	}}
}

// discordLimiter counts in fixed windows, which are what the headers can tell of.
type discordLimiter struct {
	mu      sync.Mutex
	limits  DiscordLimits
	windows map[string]*window
}

type window struct {
	ends time.Time
	used int
}

func newDiscordLimiter(l DiscordLimits) *discordLimiter {
	return &discordLimiter{limits: l, windows: map[string]*window{}}
}

// take counts a request. It returns how many are left in the window, when that ends, and whether there was one left for this one.
func (l *discordLimiter) take(key string, limit DiscordLimit, now time.Time) (left int, ends time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.windows[key]
	if w == nil || !now.Before(w.ends) {
		if len(l.windows) > 10_000 {
			l.tidy(now)
		}
		w = &window{ends: now.Add(limit.Per)}
		l.windows[key] = w
	}
	if w.used >= limit.N {
		return 0, w.ends, false
	}
	w.used++
	return limit.N - w.used, w.ends, true
}

// tidy forgets windows that are over.
func (l *discordLimiter) tidy(now time.Time) {
	for key, w := range l.windows {
		if !now.Before(w.ends) {
			delete(l.windows, key)
		}
	}
}

// limit processes a request inside of the rate limits and tells of them in its headers.
func (d *Discord) limit(c *discordCall, who access, process func() *discordAnswer) *discordAnswer {
	now := d.Now()
	if g := d.limits.limits.Global; g.N > 0 && who == byBot {
		if _, ends, ok := d.limits.take("global "+c.bot.ID, g, now); !ok {
			return tooManyRequests("global", ends.Sub(now))
		}
	}
	limit, ok := d.limits.limits.Routes[c.route]
	if !ok {
		limit = d.limits.limits.Routes[""]
	}
	if limit.N <= 0 || c.route == "" {
		return process()
	}
	owner := ""
	if c.bot != nil {
		owner = c.bot.ID
	}
	bucket := bucketName(c.route)
	major := c.path("channel") + c.path("guild") + c.path("token")
	left, ends, ok := d.limits.take(bucket+" "+major+" "+owner, limit, now)
	var a *discordAnswer
	if ok {
		a = process()
	} else {
		a = tooManyRequests("user", ends.Sub(now))
	}
	a.setHeaders(map[string]string{
		"X-RateLimit-Limit": strconv.Itoa(limit.N), "X-RateLimit-Remaining": strconv.Itoa(left), "X-RateLimit-Bucket": bucket,
		"X-RateLimit-Reset":       fmt.Sprintf("%.3f", float64(ends.UnixMilli())/1000),
		"X-RateLimit-Reset-After": fmt.Sprintf("%.3f", ends.Sub(now).Seconds()),
	})
	return a
}

// bucketName is the opaque name of a route's bucket.
func bucketName(route string) string {
	h := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(route) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return fmt.Sprintf("%016x", h)
}

// tooManyRequests is the 429 of a scope: user, global or shared.
func tooManyRequests(scope string, wait time.Duration) *discordAnswer {
	message := "You are being rate limited."
	if scope == "shared" {
		message = "The resource is being rate limited."
	}
	seconds := math.Ceil(wait.Seconds()*1000) / 1000
	a := &discordAnswer{status: http.StatusTooManyRequests, body: mustJSON(map[string]any{
		"message": message, "retry_after": seconds, "global": scope == "global",
	})}
	a.setHeaders(map[string]string{"Retry-After": strconv.Itoa(int(math.Ceil(seconds))), "X-RateLimit-Scope": scope})
	if scope == "global" {
		a.setHeaders(map[string]string{"X-RateLimit-Global": "true"})
	}
	return a
}

// setHeaders adds headers in Go's spelling, as they are case-insensitive.
func (a *discordAnswer) setHeaders(h map[string]string) {
	if a.header == nil {
		a.header = map[string]string{}
	}
	for k, v := range h {
		a.header[http.CanonicalHeaderKey(strings.TrimSpace(k))] = v
	}
}
