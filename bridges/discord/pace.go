package discord

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"avatarbridge/bridges/fault"
)

// maxBuckets is how many used-up limits are remembered at once; of most nothing is left after seconds.
const maxBuckets = 10_000

var (
	errUsedUp  = errors.New("the limit that Discord names for this is used up")
	errRefused = errors.New("the token is refused")
)

// pace remembers what Discord said about limits, so that a call that would be refused is not made: 10,000 refusals in ten minutes get the
// address banned (https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans).
type pace struct {
	mu    sync.Mutex
	empty map[string]time.Time // when a bucket of which nothing is left fills up again
	all   time.Time            // when the bot may call again at all
	why   error
}

// ask returns a throttle when the call must wait.
func (p *pace) ask(r *request, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.all) && !r.token && r.bucket != "" {
		return fault.Throttle(fault.Bridge, p.all.Sub(now), p.why)
	}
	if until, ok := p.empty[r.bucket]; ok && r.bucket != "" {
		if now.Before(until) {
			return fault.Throttle(r.scope(), until.Sub(now), errUsedUp)
		}
		delete(p.empty, r.bucket)
	}
	return nil
}

// scope is what a limit of the call binds.
func (r *request) scope() fault.Scope {
	if r.token {
		return fault.Conversation // each interaction has limits of its own
	}
	return fault.Channel
}

// note remembers that a bucket is used up.
func (p *pace) note(r *request, h http.Header, now time.Time) {
	if r.bucket == "" || h.Get("X-Ratelimit-Remaining") != "0" {
		return
	}
	after, err := strconv.ParseFloat(h.Get("X-Ratelimit-Reset-After"), 64)
	if err != nil || after <= 0 || after > fault.MaxHold.Seconds() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.empty == nil || len(p.empty) >= maxBuckets {
		p.tidy(now)
	}
	p.empty[r.bucket] = now.Add(time.Duration(after * float64(time.Second)))
}

// tidy forgets what is over, and everything when that does not help.
func (p *pace) tidy(now time.Time) {
	for k, until := range p.empty {
		if !now.Before(until) {
			delete(p.empty, k)
		}
	}
	if p.empty == nil || len(p.empty) >= maxBuckets {
		p.empty = map[string]time.Time{}
	}
}

// stop makes all calls that post wait.
func (p *pace) stop(until time.Time, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.all) {
		p.all, p.why = until, why
	}
}
