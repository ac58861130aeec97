package slack

import (
	"context"
	"errors"
	"sync"
	"time"

	slackapi "github.com/slack-go/slack"

	"avatarbridge/bridges/fault"
)

const (
	freshFor  = time.Hour      // what is known of a person is asked again after that
	staleFor  = 24 * time.Hour // and used meanwhile for at most that
	maxPeople = 20_000
	askAtOnce = 8
)

// A profile is what Slack says of a person.
type profile struct {
	known      bool // false: Slack does not say, or knows no such person
	name       string
	team       string
	enterprise string
	locale     string
	bot        bool
	guest      bool // a guest, or of another organisation
	admin      bool
}

// tenant is where the person's id is unique.
func (p *profile) tenant() string {
	if p.enterprise != "" {
		return p.enterprise
	}
	return p.team
}

// people asks Slack about people and remembers what it said. Asking goes on when who waits for it does not wait any longer: Slack
// offers the message again.
type people struct {
	ctx   context.Context
	l     *listener
	slots chan struct{}
	work  sync.WaitGroup

	mu     sync.Mutex
	all    map[string]*lookup
	until  time.Time // Slack wants to be left alone
	closed bool
}

// A lookup is a question and its answer.
type lookup struct {
	done    chan struct{} // closed when profile or err is there
	profile *profile
	err     error
	at      time.Time
	again   bool // it is being asked anew
}

func newPeople(ctx context.Context, l *listener) *people {
	return &people{ctx: ctx, l: l, slots: make(chan struct{}, askAtOnce), all: map[string]*lookup{}}
}

// wait ends all asking.
func (p *people) wait() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.work.Wait()
}

var errEnding = errors.New("the bridge is ending")

// get returns what is known of a person. An error means that nobody knows yet.
func (p *people) get(ctx context.Context, id string) (*profile, error) {
	k, err := p.lookup(id)
	if err != nil {
		return nil, err
	}
	select {
	case <-k.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return k.profile, k.err
}

// lookup returns the question about a person, asked if need be.
func (p *people) lookup(id string) (*lookup, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.all[id]
	if k != nil && p.usable(k) {
		if !k.again && !k.at.IsZero() && time.Since(k.at) > freshFor && !p.closed {
			k.again = true
			p.ask(id, &lookup{done: make(chan struct{})})
		}
		return k, nil
	}
	if p.closed {
		return nil, errEnding
	}
	if len(p.all) >= maxPeople {
		p.shrink()
	}
	k = &lookup{done: make(chan struct{})}
	p.all[id] = k
	p.ask(id, k)
	return k, nil
}

// usable reports whether k needs no new question; needs p.mu.
func (p *people) usable(k *lookup) bool {
	if k.at.IsZero() {
		return true // under way
	}
	return k.err == nil && time.Since(k.at) < staleFor
}

// shrink forgets what was answered; needs p.mu.
func (p *people) shrink() {
	for id, k := range p.all {
		if !k.at.IsZero() {
			delete(p.all, id)
		}
	}
}

// ask asks in the background; needs p.mu.
func (p *people) ask(id string, k *lookup) {
	p.work.Go(func() {
		found, err := p.insist(id)
		p.mu.Lock()
		defer p.mu.Unlock()
		k.profile, k.err, k.at = found, err, time.Now()
		close(k.done)
		switch old := p.all[id]; {
		case old == k:
		case err == nil:
			p.all[id] = k
		case old != nil:
			old.again = false // asked again at the next message
		}
	})
}

// insist asks until Slack has an answer, or has none for some minutes.
func (p *people) insist(id string) (*profile, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-p.ctx.Done():
		return nil, p.ctx.Err()
	}
	ctx, cancel := context.WithTimeout(p.ctx, redelivery)
	defer cancel()
	pause := fault.Backoff{Least: 200 * time.Millisecond, Most: 15 * time.Second}
	for {
		if err := p.allowed(ctx); err != nil {
			return nil, err
		}
		found, err := p.once(ctx, id)
		if err == nil {
			return found, nil
		}
		if o := fault.Of(err); o.Kind == fault.Throttled {
			p.hold(o.After)
			continue
		}
		if refused(err) {
			p.l.doubts()
			return nil, err
		}
		if pause.Wait(ctx, err) != nil {
			return nil, err
		}
	}
}

// hold leaves Slack alone for as long as it wants.
func (p *people) hold(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(d); until.After(p.until) {
		p.until = until
	}
}

// allowed waits until Slack may be asked.
func (p *people) allowed(ctx context.Context) error {
	for {
		p.mu.Lock()
		d := time.Until(p.until)
		p.mu.Unlock()
		if d <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(d)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// once asks once. A refusal to say who it is is an answer.
func (p *people) once(ctx context.Context, id string) (*profile, error) {
	x, err := p.l.call(ctx, "users.info", func(ctx context.Context, api *slackapi.Client) error {
		_, err := api.GetUserInfoContext(ctx, id)
		return err
	})
	if o := fault.Of(err); o != nil {
		if !refused(err) && (o.Kind == fault.Dead || o.Kind == fault.Rejected) {
			return &profile{guest: true}, nil
		}
		return nil, err
	}
	var said struct {
		User user `json:"user"`
	}
	if err := decode(x.body, &said); err != nil {
		return nil, errors.New("users.info: the answer cannot be read")
	}
	return said.User.profile(&p.l.me), nil
}

// user is a user of Slack's.
type user struct {
	ID       string `json:"id"`
	Team     string `json:"team_id"`
	Handle   string `json:"name"`
	RealName string `json:"real_name"`
	Profile  struct {
		DisplayName string `json:"display_name"`
		RealName    string `json:"real_name"`
	} `json:"profile"`
	Admin      bool   `json:"is_admin"`
	Owner      bool   `json:"is_owner"`
	Restricted bool   `json:"is_restricted"`
	Ultra      bool   `json:"is_ultra_restricted"`
	Stranger   bool   `json:"is_stranger"`
	Bot        bool   `json:"is_bot"`
	Workflow   bool   `json:"is_workflow_bot"`
	Connector  bool   `json:"is_connector_bot"`
	Locale     string `json:"locale"`
	Enterprise struct {
		ID string `json:"enterprise_id"`
	} `json:"enterprise_user"`
}

func (u *user) profile(me *self) *profile {
	p := &profile{
		known: true, team: u.Team, enterprise: u.Enterprise.ID, locale: u.Locale, bot: u.Bot || u.Workflow || u.Connector || u.ID == "USLACKBOT",
		admin: u.Admin || u.Owner,
	}
	for _, name := range []string{u.Profile.DisplayName, u.RealName, u.Profile.RealName, u.Handle} {
		if p.name == "" {
			p.name = name
		}
	}
	ours := u.Team == me.Team || me.Enterprise != "" && u.Enterprise.ID == me.Enterprise
	p.guest = u.Restricted || u.Ultra || u.Stranger || !ours
	return p
}
