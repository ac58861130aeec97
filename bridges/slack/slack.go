// Package slack is the bridge to Slack: the Web API (https://docs.slack.dev/apis/web-api/), with events over Socket Mode or over HTTP.
//
// Run asks who the bot is, then hears events over two sockets, which share them, or over the Handler. A message and its app_mention are two
// events with one key, made of the channel and the message's timestamp; so is a redelivery, which has a new envelope. An envelope is
// acknowledged when the Receiver has stored what is in it, or when nothing in it can ever be understood.
//
// Events of one channel are handled one after the other, those of several channels beside one another. What is not stored is not
// acknowledged, and offered again by Slack: at once, after a minute, after five. What is older than that is read from the history when the
// bridge is back.
package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	slackapi "github.com/slack-go/slack"
	"golang.org/x/sync/errgroup"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
	"avatarbridge/bridges/transport"
)

// Bridge is one app in one workspace or enterprise. It implements bridges.Bridge and the abilities below.
type Bridge struct {
	cfg    Config
	media  bridges.Media
	log    *slog.Logger
	client *http.Client
	ear    atomic.Pointer[listener] // nil before Run has opened and after it has ended
	looks  looks                    // of Find
	mute   quiet                    // where no status is shown
	status statuses

	// What tests shorten.
	beat    time.Duration // between two notes that the connection is alive
	watch   time.Duration // between two looks at the token
	gap     time.Duration // after which Slack has given up sending again
	silence time.Duration // after which a socket without a sign of life is dead
	longest time.Duration // pause before another socket is opened
	soon    time.Duration // within which a request is answered
	linger  time.Duration // of a status after its turn
}

var (
	_ bridges.Bridge  = (*Bridge)(nil)
	_ bridges.Typer   = (*Bridge)(nil)
	_ bridges.Webhook = (*Bridge)(nil)
	_ bridges.Drafter = (*Bridge)(nil)
	_ bridges.Remover = (*Bridge)(nil)
	_ bridges.Finder  = (*Bridge)(nil)
	_ bridges.Fetcher = (*Bridge)(nil)
)

// New makes a bridge for a cfg that Validate found nothing wrong with. It does no I/O. Without media (nil), audio is never uploaded.
func New(cfg Config, media bridges.Media, log *slog.Logger) (*Bridge, error) {
	if faults := cfg.Validate(); len(faults) > 0 {
		return nil, fmt.Errorf("slack: %s %s", faults[0].Key, faults[0].Problem)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if cfg.CatchUp <= 0 {
		cfg.CatchUp = time.Hour
	}
	return &Bridge{
		cfg: cfg, media: media, log: log.With("bridge", cfg.Name), client: newClient(),
		beat: time.Minute, watch: 5 * time.Minute, gap: lastOffer - time.Minute, silence: 30 * time.Second, longest: 30 * time.Second, soon: 2500 * time.Millisecond,
		linger: statusLingers, mute: quiet{now: time.Now},
	}, nil
}

// redelivery is how long Slack sends an event again (https://docs.slack.dev/apis/events-api/#retries).
const redelivery = 6 * time.Minute

// lastOffer is how long after an event Slack offers it for the last time, at least: what came early in a longer gap is lost. It may be known
// of a gap up to a minute late that it has begun.
const lastOffer = 5 * time.Minute

func newClient() *http.Client {
	return &http.Client{
		Transport: transport.New(transport.Config{}),
		// A redirect would carry the token elsewhere, and its answer is a page for people.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// A listener is an account that Run has opened.
type listener struct {
	*Bridge
	me      self
	rx      bridges.Receiver
	people  *facts[profile]
	groups  *facts[rolls]
	threads threads
	directs threads // direct channels of the bot: their ids
	lanes   lanes
	doubt   chan struct{} // has room for one: the token may not be valid any more
	told    threads       // people of whom the operator was told that they are not answered

	sign atomic.Int64 // Unix time of the last sign of life

	mu      sync.Mutex
	live    int       // sockets that work
	alive   time.Time // when the connection last was known to work; zero: never
	reading int       // gaps that are being looked through
}

// Run implements bridges.Bridge.
func (b *Bridge) Run(ctx context.Context, rx bridges.Receiver) error {
	defer b.client.CloseIdleConnections()
	me, err := b.introduce(ctx, rx)
	if err != nil {
		return ended(ctx, err)
	}
	cursor, err := rx.Open(ctx, me.account())
	if err != nil {
		return ended(ctx, fmt.Errorf("open %s: %w", me.account(), err))
	}
	group, ctx2 := errgroup.WithContext(ctx)
	l := &listener{Bridge: b, me: me, rx: rx, doubt: make(chan struct{}, 1), alive: readCursor(cursor)}
	l.people = newFacts(ctx2, freshFor, staleFor, l.askPerson, l.doubts)
	l.groups = newFacts(ctx2, rollsFresh, rollsStale, l.askGroups, l.doubts)
	l.lanes.log = b.log
	l.recall(ctx)
	b.ear.Store(l)
	b.log.Info("connected to Slack", "bot", me.User, "team", me.Team, "socket_mode", b.cfg.AppToken != "")
	group.Go(func() error { return l.watchToken(ctx2) })
	group.Go(func() error { return l.beats(ctx2) })
	if b.cfg.AppToken != "" {
		for range sockets {
			group.Go(func() error { return l.keepSocket(ctx2) })
		}
	} else {
		l.up(ctx2)
	}
	err = group.Wait()
	b.ear.Store(nil)
	l.lanes.wait()
	l.people.wait()
	l.groups.wait()
	return ended(ctx, err)
}

// ended is what Run returns for err: nil once its context has ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// self is who the bot is.
type self struct {
	Team       string `json:"team_id"`
	TeamName   string `json:"team"`
	Enterprise string `json:"enterprise_id"`
	OrgWide    bool   `json:"is_enterprise_install"`
	User       string `json:"user_id"`
	Bot        string `json:"bot_id"`
	Name       string `json:"user"`

	scopes []string // nil: Slack does not say
}

// account is the identity for bridges.Receiver. User ids are unique in a workspace, or in an enterprise, only.
func (s self) account() string {
	if s.OrgWide && s.Enterprise != "" {
		return "slack:" + s.Enterprise + ":" + s.User
	}
	return "slack:" + s.Team + ":" + s.User
}

var errNoBot = errors.New("auth.test: the answer names no bot: see whether bot_token is a bot's and api_url is Slack's Web API")

// introduce asks who the bot is, until Slack answers. The error means that the token is refused or ctx has ended.
func (b *Bridge) introduce(ctx context.Context, rx bridges.Receiver) (self, error) {
	pause := fault.Backoff{Least: 500 * time.Millisecond, Most: 30 * time.Second}
	for {
		me, _, err := b.whoami(ctx)
		if err == nil {
			if missing := me.lacks(b.cfg.needed()); len(missing) > 0 {
				return me, fault.Kill("the app lacks scopes: add "+strings.Join(missing, ", ")+
					" at the app's page OAuth & Permissions, and install it again", nil)
			}
			return me, nil
		}
		if refused(err) {
			return me, hopeless(err)
		}
		if ctx.Err() != nil {
			return me, err
		}
		rx.Health(err)
		if err := pause.Wait(ctx, err); err != nil {
			return me, err
		}
	}
}

// whoami asks who the token belongs to.
func (b *Bridge) whoami(ctx context.Context) (self, *exchange, error) {
	var me self
	x, err := b.call(ctx, "auth.test", func(ctx context.Context, api *slackapi.Client) error {
		_, err := api.AuthTestContext(ctx)
		return err
	})
	if err != nil {
		return me, x, err
	}
	if decode(x.body, &me) != nil || me.User == "" || me.Team == "" {
		return me, x, errNoBot
	}
	if given := x.header.Get("X-OAuth-Scopes"); given != "" {
		for scope := range strings.SplitSeq(given, ",") {
			me.scopes = append(me.scopes, strings.TrimSpace(scope))
		}
	}
	return me, x, nil
}

// lacks returns those of the scopes that the bot does not have, as far as Slack says which it has.
func (s self) lacks(scopes []string) []string {
	if s.scopes == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return slices.Contains(s.scopes, scope) })
}

// watchToken looks from time to time, and when there is a doubt, whether the bot token is valid.
func (l *listener) watchToken(ctx context.Context) error {
	timer := time.NewTimer(l.watch)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.doubt:
		case <-timer.C:
		}
		timer.Reset(l.watch)
		_, _, err := l.whoami(ctx)
		switch {
		case refused(err):
			return hopeless(err)
		case ctx.Err() != nil:
			return nil
		case l.cfg.AppToken != "": // the sockets tell how the connection is
		case err != nil && !l.deaf():
			l.down(err)
		case err != nil:
			l.lost(err)
		case l.deaf():
			l.up(ctx)
		default:
			l.works(ctx)
		}
	}
}

// doubts has the token looked at soon.
func (l *listener) doubts() {
	select {
	case l.doubt <- struct{}{}:
	default:
	}
}
