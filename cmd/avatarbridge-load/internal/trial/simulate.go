package trial

import (
	"cmp"
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
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// The platforms.
const (
	Telegram = "telegram"
	Discord  = "discord"
	Slack    = "slack"
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

var (
	_ platform  = (*telegram.Server)(nil)
	_ platform  = (*discord.Server)(nil)
	_ platform  = (*slack.Server)(nil)
	_ forgetter = (*discord.Server)(nil)
	_ witness   = (*telegram.Server)(nil)
)

// A seat is a platform by its name.
type seat struct {
	platform
	kind string
}

// Platforms are the names that a bench knows.
func Platforms() []string { return []string{Telegram, Discord, Slack} }

// settle makes a platform. Its number tells it from others of its kind.
func settle(kind string, number int, l *ledger.Ledger, h wire.Hooks) (platform, error) {
	switch kind {
	case Telegram:
		return telegram.New(number, l, h)
	case Discord:
		return discord.New(number, l, h)
	case Slack:
		return slack.New(number, l, h)
	}
	return nil, fmt.Errorf("there is no simulator of the platform %q", kind)
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
	kinds := t.bridges()
	t.heard.Store(newArrival(len(kinds)))
	for i, kind := range kinds {
		hooks := wire.Hooks{Step: step, Polled: func() { t.heard.Load().hears(i) }}
		if t.setup.posted != nil {
			hooks.Posted = func(chat, n int) { t.setup.posted(t, chat, n) }
		}
		bot, err := settle(kind, i, t.ledger, hooks)
		if err != nil {
			return err
		}
		t.bots = append(t.bots, seat{bot, kind})
		if api, ok := bot.(*telegram.Server); ok {
			t.api = cmp.Or(t.api, api)
		}
	}
	return t.play(avatar.NewPlayer(t.ledger, step))
}

// bridges are the platforms of the contestant's bridges. The baseline is one bot.
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

// play starts the avatar's service.
func (t *trial) play(player *avatar.Player) (err error) {
	kind := cmp.Or(t.setup.avatar, t.Avatar, "webhook")
	if t.who == Baseline {
		kind = "webhook"
	}
	switch kind {
	case "webhook":
		t.service, err = avatar.NewWebhook(player)
	case "virtuals":
		t.service, err = avatar.NewVirtuals(player, cmp.Or(t.setup.tokenLife, time.Hour))
	case "voximplant":
		t.service, err = avatar.NewVoximplant(player)
	default:
		err = fmt.Errorf("there is no simulator of the avatar %q", kind)
	}
	return err
}

// databaseFile is the program's database in its folder.
const databaseFile = "load.db"

// configure writes the configuration.
func (t *trial) configure() error {
	if t.service == nil || t.who == Baseline {
		return nil
	}
	server := `listen = "127.0.0.1:0"`
	if _, ok := t.service.(*avatar.Voximplant); ok { // which calls back
		address, err := freeAddress()
		if err != nil {
			return err
		}
		server = fmt.Sprintf("listen = %q\npublic_url = %q", address, "http://"+address)
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
	c.WriteString(t.service.Section("luna"))
	for i, bot := range t.bots {
		c.WriteString(bot.Section(fmt.Sprint(bot.kind, i), "luna", t.setup.bridge))
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
