package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"

	"avatarbridge/avatar"
	"avatarbridge/avatar/echo"
	"avatarbridge/avatar/openai"
	"avatarbridge/avatar/virtuals"
	"avatarbridge/avatar/voximplant"
	"avatarbridge/avatar/webhook"
	"avatarbridge/bridges"
	"avatarbridge/bridges/relay"
	"avatarbridge/bridges/telegram"
	"avatarbridge/bridges/web"
	"avatarbridge/cmd/avatarbridge/internal/config"
	"avatarbridge/cmd/avatarbridge/internal/guard"
	"avatarbridge/cmd/avatarbridge/internal/media"
)

// A platform is what this version knows to make bridges of.
type platform struct {
	config.Kind
	announces bool // the bridge says itself that people talk to an AI
	inFlight  int  // max_in_flight; 0: the relay's default
	build     func(b config.Bridge, in *house) (bridges.Bridge, error)
}

// A backend is what this version knows to make avatars of.
type backend struct {
	config.Kind
	build func(a config.Avatar, o *outside) (avatar.Backend, error)
}

func platforms() []platform {
	return []platform{
		{Kind: withRooms(kind("telegram", telegram.Default, telegramURL), telegram.RoomFault), inFlight: telegram.InFlight, build: buildTelegram},
		discordPlatform(),
		slackPlatform(),
		{Kind: webKind(), announces: true, build: buildWeb},
	}
}

func backends() []backend {
	return []backend{
		{kind("echo", echo.Default, nil), buildEcho},
		{kind("openai", openai.Default, nil), buildOpenAI},
		{kind("virtuals", virtuals.Default, nil), buildVirtuals},
		{voximplantKind(), buildVoximplant},
		{kind("webhook", webhook.Default, nil), buildWebhook},
	}
}

// kind makes a Kind whose section is a C.
func kind[C any](name string, fresh func() C, public func(*C) string) config.Kind {
	k := config.Kind{Name: name, New: func() any { c := fresh(); return &c }}
	if public != nil {
		k.NeedsPublicURL = func(c any) string { return public(c.(*C)) }
	}
	return k
}

// withRooms makes names of rooms in routes a fault.
func withRooms(k config.Kind, roomFault func(id string) string) config.Kind {
	k.RoomFault = roomFault
	return k
}

func kinds() config.Kinds {
	var k config.Kinds
	for _, p := range platforms() {
		k.Platforms = append(k.Platforms, p.Kind)
	}
	for _, b := range backends() {
		k.Backends = append(k.Backends, b.Kind)
	}
	return k
}

// outside is what bridges and avatars use of the world.
type outside struct {
	log       *slog.Logger
	media     *media.Store
	publicURL string
	trusted   *http.Client // for addresses that the operator wrote
	public    *http.Client // for addresses that services name
	private   *http.Client // likewise, for avatars with allow_private
}

func newOutside(c *config.Config, log *slog.Logger) *outside {
	return &outside{
		log: log, publicURL: c.Server.PublicURL,
		trusted: guard.Trusted(), public: guard.Client(false), private: guard.Client(true),
		media: media.New(media.Config{
			Dir: c.Media.Dir, Keep: c.Media.Keep, MaxBytes: c.Media.MaxBytes, BaseURL: c.Server.PublicURL, Log: log,
		}),
	}
}

// named returns the client for addresses that an avatar's service names.
func (o *outside) named(allowPrivate bool) *http.Client {
	if allowPrivate {
		return o.private
	}
	return o.public
}

// telegramURL says that webhooks need an address.
func telegramURL(c *telegram.Config) string {
	if c.Mode == "webhook" {
		return "mode"
	}
	return ""
}

// A house is what bridges are built in.
type house struct {
	*outside
	config  *config.Config
	avatars []relay.Avatar
}

func buildTelegram(b config.Bridge, in *house) (bridges.Bridge, error) {
	c := *b.Config.(*telegram.Config)
	c.Name = b.Name
	c.ReadsRooms = readsRooms(b)
	if in.publicURL != "" {
		c.WebhookURL = in.publicURL + "/bridges/" + b.Name + "/webhook"
	}
	return telegram.New(c, in.media.Bridges(), in.log)
}

// webPlatform is the name of the platform whose bridges are chat pages.
const webPlatform = "web"

// webKind is a chat page, which can show all that an avatar has.
func webKind() config.Kind {
	k := kind(webPlatform, web.Default, nil)
	k.Visitors = true
	k.Settings = relay.Settings{Audio: bridges.AudioNative, ShowEmotion: true, ShowAnimation: true}
	return k
}

func buildWeb(b config.Bridge, in *house) (bridges.Bridge, error) {
	c := *b.Config.(*web.Config)
	c.Name, c.PublicURL, c.Notice = b.Name, in.publicURL, in.config.Messages.AINotice
	if c.Face != "" && !filepath.IsAbs(c.Face) && in.config.File != "" {
		c.Face = filepath.Join(filepath.Dir(in.config.File), c.Face)
	}
	for _, a := range in.avatars {
		if a.Name == b.Default.Avatar {
			c.Avatar = cmp.Or(a.Display, a.Name)
			h, ok := a.Backend.(avatar.Hearer)
			c.Voice = ok && h.Hears()
		}
	}
	return web.New(c, in.media.Bridges(), in.log)
}

// readsRooms says whether the bridge answers messages in rooms that do not mention it.
func readsRooms(b config.Bridge) bool {
	if b.AllRooms && b.Default.ReplyWhen == relay.ReplyAlways {
		return true
	}
	for _, r := range b.Routes {
		if r.Settings.ReplyWhen == relay.ReplyAlways {
			return true
		}
	}
	return false
}

func buildEcho(a config.Avatar, _ *outside) (avatar.Backend, error) {
	c := *a.Config.(*echo.Config)
	c.Name = a.Name
	return echo.New(c)
}

func buildOpenAI(a config.Avatar, o *outside) (avatar.Backend, error) {
	c := *a.Config.(*openai.Config)
	c.Name, c.Log = a.Name, o.log
	return openai.New(c, o.trusted)
}

func buildVirtuals(a config.Avatar, o *outside) (avatar.Backend, error) {
	c := *a.Config.(*virtuals.Config)
	c.Name, c.Log = a.Name, o.log
	return virtuals.New(c, o.trusted, o.named(a.AllowPrivate))
}

// voximplantKind needs a public URL unless it keeps a connection.
func voximplantKind() config.Kind {
	k := kind("voximplant", voximplant.Default, voximplantURL)
	k.InsteadOfPublicURL = `set transport = "grpc", which needs none and keeps no conversation over a restart`
	return k
}

func voximplantURL(c *voximplant.Config) string {
	if c.NeedsCallback() {
		return "transport"
	}
	return ""
}

func buildVoximplant(a config.Avatar, o *outside) (avatar.Backend, error) {
	c := *a.Config.(*voximplant.Config)
	c.Name, c.Log, c.Dial = a.Name, o.log, guard.Dial(a.AllowPrivate)
	return voximplant.New(c, o.trusted, o.named(a.AllowPrivate))
}

func buildWebhook(a config.Avatar, o *outside) (avatar.Backend, error) {
	c := *a.Config.(*webhook.Config)
	c.Name = a.Name
	return webhook.New(c, o.trusted)
}

// buildAvatars makes all configured avatars, without any I/O.
func buildAvatars(c *config.Config, o *outside) ([]relay.Avatar, error) {
	built := make([]relay.Avatar, 0, len(c.Avatars))
	for _, a := range c.Avatars {
		for _, k := range backends() {
			if k.Name != a.Backend {
				continue
			}
			b, err := k.build(a, o)
			if err != nil {
				return nil, fmt.Errorf("avatars.%s: %w", a.Name, err)
			}
			built = append(built, relay.Avatar{
				Name: a.Name, Display: a.Display, Backend: b, AllowPrivate: a.AllowPrivate, MaxConcurrent: a.MaxConcurrent,
			})
		}
	}
	return built, nil
}

// buildBridges makes all configured bridges, without any I/O. The avatars are those of buildAvatars.
func buildBridges(c *config.Config, o *outside, avatars []relay.Avatar) ([]relay.Bridge, error) {
	in := &house{o, c, avatars}
	built := make([]relay.Bridge, 0, len(c.Bridges))
	for _, b := range c.Bridges {
		for _, k := range platforms() {
			if k.Name != b.Platform {
				continue
			}
			made, err := k.build(b, in)
			if err != nil {
				return nil, fmt.Errorf("bridges.%s: %w", b.Name, err)
			}
			built = append(built, relay.Bridge{
				Name: b.Name, Platform: b.Platform, Bridge: made, Default: b.Default, Routes: b.Routes,
				AllRooms: b.AllRooms, HoldUnclear: b.HoldUnclear, MaxInFlight: cmp.Or(b.MaxInFlight, k.inFlight), Rate: b.Rate,
				Announces: k.announces, Visitors: k.Visitors,
			})
		}
	}
	return built, nil
}

// relayConfig is what a relay needs besides bridges, avatars and a store.
func relayConfig(c *config.Config, o *outside) relay.Config {
	cfg := relay.Config{
		Messages: c.Messages, Media: o.media, Log: o.log, Keep: c.Store.Keep,
		AskTimeout: c.Turns.AskTimeout, MaxAttempts: c.Turns.MaxAttempts,
		RetryWithin: c.Turns.RetryWithin, MaxWaiting: c.Turns.MaxWaiting,
	}
	if o.publicURL != "" {
		cfg.CallbackURL = func(avatar, token string) string {
			return o.publicURL + "/avatars/" + avatar + "/callback/" + token
		}
	}
	return cfg
}
