package voximplant

import (
	"context"
	"crypto/tls"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"avatarbridge/avatar/voximplant/wire"
	"avatarbridge/bridges/fault"
)

// loginWait is how long one conversation waits for the login of another before it logs in itself: one that hangs must not hold up all.
const loginWait = joinWithin

// entry is what opens conversations: a token, and the link to where it is good.
type entry struct {
	token string
	login int       // which one made it
	until time.Time // it is renewed before
	link  *link
}

// door makes entries and keeps links.
type door struct {
	cfg   Config
	api   *platformAPI
	dial  dialFunc
	trust *tls.Config // nil trusts the system's authorities
	now   func() time.Time
	busy  chan struct{} // holds something while somebody logs in

	mu     sync.Mutex
	entry  *entry
	logins int              // that succeeded
	links  map[string]*link // by address: that of the entry, and those that are still used
	bad    failure          // the last login that failed
	failed int              // which of the addresses is next: the one after those that could not be reached
}

// enter returns an entry whose token is not the refused one, and counts the caller as a user of its link, which leave ends. Who waits for the login of
// another gets its error, too: a service that is down is not asked once for each conversation.
func (d *door) enter(ctx context.Context, refused string) (*entry, error) {
	before := d.failures()
	if p := d.use(refused); p != nil {
		return p, nil
	}
	wait := time.NewTimer(loginWait)
	defer wait.Stop()
	select {
	case d.busy <- struct{}{}:
		defer func() { <-d.busy }()
		if p := d.use(refused); p != nil {
			return p, nil
		}
		if f := d.failures(); f.n != before.n {
			return nil, f.err
		}
	case <-wait.C:
	case <-ctx.Done():
		return nil, fault.NoAnswer("the avatar API", ctx.Err())
	}
	p, err := d.login(ctx)
	if err != nil && ctx.Err() == nil { // an end of the caller's own patience says nothing about the service
		d.mu.Lock()
		d.bad = failure{n: d.bad.n + 1, err: err}
		d.mu.Unlock()
	}
	return p, err
}

// failure is how the n-th login that failed did so.
type failure struct {
	n   int
	err error
}

func (d *door) failures() failure {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bad
}

// use returns the entry that there is, nil when none is good.
func (d *door) use(refused string) *entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.entry == nil || d.entry.token == refused || !d.now().Before(d.entry.until) {
		return nil
	}
	d.entry.link.users++
	return d.entry
}

// latest is the number of the last login.
func (d *door) latest() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.logins
}

// login makes a new entry.
func (d *door) login(ctx context.Context) (*entry, error) {
	session, addresses, err := d.api.logon(ctx)
	if err != nil {
		return nil, err
	}
	l, err := d.link(addresses)
	if err != nil {
		return nil, err
	}
	token, err := d.ask(ctx, l, session)
	if err != nil {
		d.leave(l)
		return nil, err
	}
	p := &entry{token: token, until: renewAt(d.now(), token), link: l}
	d.mu.Lock()
	before := d.entry
	d.logins++
	p.login, d.entry = d.logins, p
	d.retire(before)
	d.mu.Unlock()
	return p, nil
}

// link returns the link to one of the addresses, and counts the caller as its user.
func (d *door) link(addresses []string) (*link, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	address, plain, err := linkAddress(addresses[d.failed%len(addresses)], d.cfg.AllowPrivate)
	if err != nil {
		d.failed++
		return nil, err
	}
	l, ok := d.links[linkKey(address, plain)]
	if !ok {
		if l, err = newLink(address, plain, d.dial, d.trust); err != nil {
			return nil, err
		}
		d.links[l.key()] = l
	}
	l.users++
	return l, nil
}

// ask asks for a token.
func (d *door) ask(ctx context.Context, l *link, session string) (string, error) {
	in := &wire.LoginRequest{}
	if id, err := strconv.ParseInt(d.cfg.AccountID, 10, 64); err == nil {
		in.UserIdentifier = &wire.LoginRequest_AccountId{AccountId: id}
	}
	switch {
	case session != "":
		in.UserAuthorization = &wire.LoginRequest_SessionId{SessionId: session}
	case d.cfg.APIKey != "":
		in.UserAuthorization = &wire.LoginRequest_ApiKey{ApiKey: d.cfg.APIKey}
	default:
		return "", fault.Kill("the platform gave the subuser no session, which a login over gRPC needs: set api_key", nil)
	}
	out, err := wire.NewLoginClient(l.conn).Login(ctx, in)
	if err != nil {
		if ctx.Err() != nil {
			return "", fault.NoAnswer(l.address, ctx.Err())
		}
		if status.Code(err) == codes.Unavailable {
			d.fail()
		}
		return "", l.grpcOutcome(d.cfg.loginCall(), err)
	}
	if !bearable(out.GetJwtToken()) {
		return "", &fault.Outcome{Reason: "login: " + l.address + " answered without a token"}
	}
	return out.GetJwtToken(), nil
}

// fail lets the next login try the next address.
func (d *door) fail() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failed++
}

// lost gives up the entry of a link that could not be reached, so that the next conversation logs in at the next address.
func (d *door) lost(l *link) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.entry; p != nil && p.link == l {
		d.entry = nil
		d.failed++
		d.retire(p)
	}
}

// leave ends a use of the link.
func (d *door) leave(l *link) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.users--
	d.retire(&entry{link: l})
}

// retire closes the link of an entry that nobody uses any more. The door is locked.
func (d *door) retire(p *entry) {
	if p == nil || p.link.users > 0 || d.entry != nil && d.entry.link == p.link {
		return
	}
	if key := p.link.key(); d.links[key] == p.link {
		delete(d.links, key)
	}
	_ = p.link.conn.Close()
}

// close closes all links.
func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entry = nil
	for _, l := range d.links {
		_ = l.conn.Close()
	}
	clear(d.links)
}
