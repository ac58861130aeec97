package voximplant

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"avatarbridge/bridges/fault"
)

const (
	loginTimeout = 15 * time.Second
	renewEarly   = time.Minute     // before exp: clocks differ, and an utterance takes its time
	defaultLife  = 5 * time.Minute // of a token that names no end
	maxLife      = 12 * time.Hour  // whatever exp says
	// A login that takes longer than this binds nobody who comes later: a stalled one must not hold up every conversation.
	joinWithin = 2 * time.Second
)

// A permit lets utterances through at one address.
type permit struct {
	base  *url.URL
	token string
	until time.Time // when it is to be renewed
}

// doorman logs in and keeps the permit. One caller logs in while others who need the same one wait for it.
type doorman struct {
	cfg      Config
	platform *platformAPI
	client   *http.Client // for addresses that the platform names
	now      func() time.Time

	mu     sync.Mutex
	book   book
	permit *permit
	flight *flight
}

// flight is a login under way.
type flight struct {
	since  time.Time
	done   chan struct{}
	permit *permit
	err    error
	over   bool // the caller whose login it was gave up: it says nothing about the service
}

// get returns a permit, from memory unless it is the one that was refused.
func (d *doorman) get(ctx context.Context, refused string) (*permit, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, &fault.Outcome{Err: err}
		}
		p, f, mine := d.enter(refused)
		if p != nil {
			return p, nil
		}
		if mine {
			d.fly(ctx, f)
		} else if !f.join(ctx) {
			continue
		}
		if f.err == nil || mine || !f.over {
			return f.permit, f.err
		}
	}
}

// enter returns a good permit, or the flight to wait for; mine says that the caller has to make it.
func (d *doorman) enter(refused string) (p *permit, f *flight, mine bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if p := d.permit; p != nil && p.token != refused && now.Before(p.until) && !d.book.better(p.base.String(), now) {
		return p, nil, false
	}
	if d.flight != nil && time.Since(d.flight.since) < joinWithin {
		return nil, d.flight, false
	}
	d.flight = &flight{since: time.Now(), done: make(chan struct{})}
	return nil, d.flight, true
}

// join waits for the flight; false when it is over for the caller without having ended.
func (f *flight) join(ctx context.Context) bool {
	late := time.NewTimer(joinWithin - time.Since(f.since))
	defer late.Stop()
	select {
	case <-f.done:
		return true
	case <-late.C:
	case <-ctx.Done():
	}
	return false
}

// fly logs in and tells those who wait.
func (d *doorman) fly(ctx context.Context, f *flight) {
	f.permit, f.err = d.login(ctx)
	f.over = ctx.Err() != nil
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.err == nil {
		d.permit = f.permit
	}
	if d.flight == f {
		d.flight = nil
	}
	close(f.done)
}

// login tries the addresses one after the other: a login that is made twice does no harm.
func (d *doorman) login(ctx context.Context) (*permit, error) {
	order, err := d.addresses(ctx)
	if err != nil {
		return nil, err
	}
	var failed error
	for _, address := range order {
		p, err := d.loginAt(ctx, address)
		if err == nil {
			d.report(address, nil)
			return p, nil
		}
		if ctx.Err() != nil || !elsewhere(err) {
			return nil, err
		}
		d.report(address, err)
		failed = milder(failed, err)
	}
	return nil, failed
}

// addresses returns those to be tried, in order. Old ones serve while the platform does not answer.
func (d *doorman) addresses(ctx context.Context) ([]string, error) {
	d.mu.Lock()
	now := d.now()
	order, fresh := d.book.order(now), now.Before(d.book.until)
	d.mu.Unlock()
	if fresh && len(order) > 0 {
		return order, nil
	}
	_, named, err := d.platform.logon(ctx)
	if err != nil && (len(order) == 0 || fault.Of(err).Kind == fault.Dead || ctx.Err() != nil) {
		return nil, err
	}
	if err != nil {
		return order, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.book.set(named, d.now())
	return d.book.order(d.now()), nil
}

// report notes how a call to an address went. When every address is down, the platform is asked for others at the next login.
func (d *doorman) report(address string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if err == nil {
		d.book.well(address)
		return
	}
	if !elsewhere(err) {
		return
	}
	d.book.fail(address, now)
	for _, a := range d.book.known {
		if !d.book.down(a, now) {
			return
		}
	}
	d.book.until = time.Time{}
}

// hasBetter reports whether another address than the permit's is to be tried first.
func (d *doorman) hasBetter(p *permit) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.better(p.base.String(), d.now())
}

// milder keeps the error that leaves hope: a silent host may come back, while an address that is refused stays so.
func milder(before, err error) error {
	if before == nil || fault.Of(err).Kind == fault.Retry {
		return err
	}
	return before
}

func (d *doorman) loginAt(ctx context.Context, address string) (*permit, error) {
	u, err := base(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	credentials := map[string]string{"accountId": d.cfg.AccountID, "apiKey": d.cfg.APIKey}
	if d.cfg.APIKey == "" {
		credentials = map[string]string{"accountId": d.cfg.AccountID, "subuserLogin": d.cfg.SubuserLogin, "subuserPassword": d.cfg.SubuserPassword}
	}
	body, err := asJSON(credentials)
	if err != nil {
		return nil, err
	}
	ans, err := post(ctx, d.client, u.JoinPath("api", "v1", "chats", "login"), "", "application/json", body)
	if err != nil {
		return nil, err
	}
	c := d.cfg.loginCall()
	if err := ans.outcome(c, d.now()); err != nil {
		return nil, err
	}
	var said struct {
		JWT string `json:"jwt"`
	}
	if ans.tooLarge() != nil || json.Unmarshal(ans.body, &said) != nil || !bearable(said.JWT) {
		return nil, nonsense(c, ans, "no token")
	}
	return &permit{base: u, token: said.JWT, until: renewAt(d.now(), said.JWT)}, nil
}

// bearable reports whether a token can stand in a header.
func bearable(token string) bool {
	if token == "" || len(token) > 16<<10 {
		return false
	}
	for i := range len(token) {
		if token[i] <= ' ' || token[i] > '~' {
			return false
		}
	}
	return true
}

// renewAt is when a token is to be replaced: a minute before its end, or after three quarters of a shorter life. Nothing of it is verified: it
// comes from the service itself, which alone has the key. Without an end that can be read it has five minutes.
func renewAt(now time.Time, token string) time.Time {
	claims := jwt.RegisteredClaims{}
	_, _, err := jwt.NewParser(jwt.WithPaddingAllowed()).ParseUnverified(token, &claims)
	if err != nil && !errors.Is(err, jwt.ErrTokenUnverifiable) || claims.ExpiresAt == nil {
		return now.Add(defaultLife)
	}
	left := min(claims.ExpiresAt.Sub(now), maxLife)
	if left <= 0 {
		return now // is used once: the clocks may differ
	}
	return now.Add(left - min(renewEarly, left/4))
}
