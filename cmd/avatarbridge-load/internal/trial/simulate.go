package trial

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/avatar"
	"avatarbridge/cmd/avatarbridge-load/internal/discord"
	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/slack"
	"avatarbridge/cmd/avatarbridge-load/internal/telegram"
	"avatarbridge/cmd/avatarbridge-load/internal/web"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// The platforms.
const (
	Telegram = "telegram"
	Discord  = "discord"
	Slack    = "slack"
	Web      = "web"
)

// Other ways to hear of the same platforms, by which the program is called instead of calling. The name begins with the platform's.
const (
	TelegramWebhook = "telegram-webhook"
	SlackEvents     = "slack-events"
)

// A platform is a simulator of where people write: it hands the program what they write, and tells the ledger of replies. Another platform is
// another one of these, made in settle.
type platform interface {
	// Write lets the person of a chat write message n there.
	Write(chat, n int)
	// Section is the configuration of a bridge with this name to this avatar, and more lines.
	Section(name, avatar, more string) string
	// Unconfirmed counts what was written and not acknowledged, or not sent where nothing is acknowledged.
	Unconfirmed() int
	// Break lets all calls fail in this way, and work again with nil.
	Break(*wire.Fault)
	// Close ends the simulator.
	Close()
}

// A forgetter is a platform whose sessions can be lost, so that the program has to look for what was written meanwhile.
type forgetter interface{ Forget() }

// A caller is a platform that has to be told where the program listens, and the bridge's name.
type caller interface{ CallAt(address, name string) }

// An audience is people who come to the program, which does not call anybody.
type audience interface {
	// Knock finds out when a program that was started hears.
	Knock()
	// Enter lets the people of some chats come, and returns when all are there.
	Enter(ctx context.Context, chats []int) error
}

var (
	_ platform  = (*telegram.Server)(nil)
	_ platform  = (*discord.Server)(nil)
	_ platform  = (*slack.Server)(nil)
	_ forgetter = (*discord.Server)(nil)
	_ witness   = (*telegram.Server)(nil)
	_ caller    = (*slack.Server)(nil)
	_ caller    = (*web.Server)(nil)
	_ audience  = (*web.Server)(nil)
	_ platform  = (*web.Server)(nil)
)

// A seat is a bridge's side of a platform.
type seat struct {
	platform
	kind string // which platform it is
	name string // as the bench has it: the same, or another way to hear of it
}

// Platforms are those that there are.
func Platforms() []string { return []string{Telegram, Discord, Slack, Web} }

// Bridges are the names of bridges that a bench knows: the platforms, and other ways to hear of them.
func Bridges() []string { return []string{Telegram, TelegramWebhook, Discord, Slack, SlackEvents, Web} }

// kindOf is the platform of a bridge.
func kindOf(name string) string {
	kind, _, _ := strings.Cut(name, "-")
	return kind
}

// called reports whether the program has to have an address for a bridge.
func called(name string) bool { return name == TelegramWebhook || name == SlackEvents || name == Web }

// settle makes a bridge's side of a platform. Its number tells it from others of its kind.
func settle(name string, number int, l *ledger.Ledger, h wire.Hooks) (platform, error) {
	switch name {
	case Telegram:
		return telegram.New(number, l, h)
	case TelegramWebhook:
		return telegram.NewWebhook(number, l, h)
	case Discord:
		return discord.New(number, l, h)
	case Slack:
		return slack.New(number, l, h)
	case SlackEvents:
		return slack.NewEvents(number, l, h)
	case Web:
		return web.New(l, h)
	}
	return nil, fmt.Errorf("there is no simulator of the bridge %q", name)
}

// An arrival waits until all bridges hear what is written.
type arrival struct {
	all chan struct{} // is closed then

	mu    sync.Mutex
	heard []bool
	left  int
}

func newArrival(bridges int) *arrival {
	return &arrival{all: make(chan struct{}), heard: make([]bool, bridges), left: bridges}
}

func (a *arrival) hears(bridge int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.heard[bridge] {
		return
	}
	a.heard[bridge] = true
	if a.left--; a.left == 0 {
		close(a.all)
	}
}

// simulate starts the platforms and the avatar.
func (t *trial) simulate() error {
	step := func(string) {}
	if t.setup.step != nil {
		step = func(name string) { t.setup.step(t, name) }
	}
	names := t.bridges()
	t.heard.Store(newArrival(len(names)))
	for i, name := range names {
		hooks := wire.Hooks{Step: step, Polled: func() { t.heard.Load().hears(i) }}
		if t.setup.posted != nil {
			hooks.Posted = func(chat, n int) { t.setup.posted(t, chat, n) }
		}
		bot, err := settle(name, i, t.ledger, hooks)
		if err != nil {
			return err
		}
		t.bots = append(t.bots, seat{bot, kindOf(name), name})
		if api, ok := bot.(*telegram.Server); ok {
			t.api = cmp.Or(t.api, api)
		}
	}
	return t.play(avatar.NewPlayer(t.ledger, step))
}

// bridges are the names of the contestant's bridges. The baseline is one bot.
func (t *trial) bridges() []string {
	if t.who == Baseline || len(t.Bridges) == 0 {
		return []string{Telegram}
	}
	return t.Bridges
}

// kinds are the platforms, each once.
func (t *trial) kinds() []string {
	var all []string
	for _, b := range t.bots {
		if !slices.Contains(all, b.kind) {
			all = append(all, b.kind)
		}
	}
	return all
}

// names are those of the bridges, each once.
func (t *trial) names() []string {
	var all []string
	for _, b := range t.bots {
		if !slices.Contains(all, b.name) {
			all = append(all, b.name)
		}
	}
	return all
}

// on says which chats are on a platform.
func (t *trial) on(kind string) func(chat int) bool {
	return func(chat int) bool { return t.bots[chat%len(t.bots)].kind == kind }
}

// count is how many bridges to a platform there are.
func (t *trial) count(kind string) int {
	n := 0
	for _, b := range t.bots {
		if b.kind == kind {
			n++
		}
	}
	return n
}

// knock has people look when the program hears who is not called by it.
func (t *trial) knock() {
	for _, b := range t.bots {
		if p, ok := b.platform.(audience); ok {
			p.Knock()
		}
	}
}

// enter lets everybody come who has to be there to write.
func (t *trial) enter(ctx context.Context) error {
	for i, b := range t.bots {
		p, ok := b.platform.(audience)
		if !ok {
			continue
		}
		var chats []int
		for chat := i; chat < t.ledger.Chats(); chat += len(t.bots) {
			chats = append(chats, chat)
		}
		if err := p.Enter(ctx, chats); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
	}
	return nil
}

// play starts the avatars' services, and makes the first of them the one that the trial speaks of.
func (t *trial) play(player *avatar.Player) error {
	kinds := t.avatars()
	switch {
	case t.who == Baseline:
		kinds = []string{"webhook"}
	case t.setup.avatar != "":
		kinds = []string{t.setup.avatar}
	}
	for _, kind := range kinds {
		s, err := t.cast(kind, player)
		if err != nil {
			return err
		}
		t.troupe = append(t.troupe, s)
	}
	t.service = t.troupe[0]
	return nil
}

// Avatars are the kinds of avatars that a bench knows.
func Avatars() []string { return []string{"webhook", "virtuals", "voximplant"} }

// cast starts one service.
func (t *trial) cast(kind string, player *avatar.Player) (avatar.Service, error) {
	switch kind {
	case "webhook":
		return avatar.NewWebhook(player)
	case "virtuals":
		return avatar.NewVirtuals(player, cmp.Or(t.setup.tokenLife, time.Hour))
	case "voximplant":
		return avatar.NewVoximplant(player)
	}
	return nil, fmt.Errorf("there is no simulator of the avatar %q", kind)
}

// databaseFile is the program's database in its folder.
const databaseFile = "load.db"

// configure writes the configuration.
func (t *trial) configure() error {
	if t.service == nil || t.who == Baseline {
		return nil
	}
	server, public := `listen = "127.0.0.1:0"`, ""
	if t.troupe.CallsBack() || slices.ContainsFunc(t.names(), called) { // who call the program
		address, err := freeAddress()
		if err != nil {
			return err
		}
		public = "http://" + address
		server = fmt.Sprintf("listen = %q\npublic_url = %q", address, public)
	}
	var c strings.Builder
	fmt.Fprintf(&c, `[server]
%s
admin_listen = "127.0.0.1:0"
[store]
url = "sqlite:%s"
[limits]
person = %q
room = "off"
avatar = "off"
[messages]
ai_notice = ""
`, server, databaseFile, cmp.Or(t.setup.limits, "off"))
	if d := t.setup.askTimeout; d > 0 {
		fmt.Fprintf(&c, "[turns]\nask_timeout = %q\n", d.String())
	}
	c.WriteString(t.troupe.Section(t.setup.section))
	for i, bot := range t.bots {
		name := fmt.Sprint(bot.kind, i)
		if p, ok := bot.platform.(caller); ok && called(bot.name) {
			p.CallAt(public, name)
		}
		section := bot.Section(name, t.troupe.Name(i), t.setup.bridge)
		if t.dns != nil {
			section = strings.ReplaceAll(section, "127.0.0.1", hostOf(bot.kind))
		}
		c.WriteString(section)
	}
	return os.WriteFile(filepath.Join(t.dir, "config.toml"), []byte(c.String()), 0o600)
}

// freeAddress is one at which the program can listen, also when it starts again: below the ports that systems give to connections.
func freeAddress() (string, error) {
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprint("127.0.0.1:", 20_000+rand.N(10_000))); err == nil {
			defer l.Close()
			return l.Addr().String(), nil
		}
	}
	return "", fmt.Errorf("look for a port that is free: %w", err)
}
