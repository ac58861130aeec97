package relay_test

import (
	"slices"
	"time"

	"avatarbridge/bridges/relay"
)

// A sickness is what is broken in a schedule in which nothing else goes wrong: that must not be felt elsewhere.
type sickness struct {
	conversation string // each call about it takes for ever
	bridge       string // its platform fails in all ways
	avatar       string // its service does
	manner       manner
}

// A manner is how a bridge or an avatar is broken.
type manner int

const (
	fickle manner = iota // each call ends in one of all ways
	down                 // calls fail
	hangs                // calls take for ever
	busy                 // calls are to be made later
)

func (k sickness) any() bool { return k != sickness{} }

// holds up says whether a text's answer may be late: who wrote it talks in the middle of what is broken.
func (k sickness) holdsUp(p *platform, a *service, text string) bool {
	return k.conversation == labelOf(text) || k.bridge == p.name || k.avatar == a.name
}

// longer is by how much what is broken asks for longer pauses.
func (k sickness) longer() time.Duration {
	if k.any() {
		return 20
	}
	return 1
}

// often is how often a call in the middle of what is broken fails, where not all do.
const often = 0.8

// stall makes it the plan of a schedule in which only one thing is broken. How much may run at once is then bounded for that alone: everything else
// has room.
func (p *plan) stall() {
	p.faults, p.storeFails, p.crashes, p.restart = 0, 0, nil, 1000*time.Hour
	p.waiting, p.limits, p.inFlight, p.concurrent, p.maxAge = 0, relay.Limits{}, 0, 0, 0
	p.sick.manner = pickOne(p, fickle, down, hangs, busy)
	switch p.dice.IntN(3) {
	case 0:
		p.sick.conversation = "p0u0"
	case 1:
		p.sick.bridge = pickOne(p, "p0", "p1")
	default:
		p.sick.avatar = names[(p.cast+p.dice.IntN(2))%len(names)]
	}
}

var names = []string{"luna", "sol", "mond", "stella"}

// makeSick bounds what the broken bridge or avatar does at once, in some schedules.
func (s *sim) makeSick() {
	if !s.plan.sick.any() {
		return
	}
	few := hashed(s.plan.seed, "few", 3)
	for _, p := range s.platforms {
		if p.name == s.plan.sick.bridge {
			p.inFlight = few
		}
	}
	for _, a := range s.services {
		if a.name == s.plan.sick.avatar {
			a.concurrent = few
		}
	}
}

// ails is how often a call fails.
func (s *sim) ails(sick bool) float64 {
	switch {
	case sick && s.plan.sick.manner == fickle:
		return often
	case sick:
		return 1
	}
	return s.plan.faults
}

// avatarAt is the service that plays the avatar in a channel, by the channel's first id: most of a platform's channels have one, some another.
func (s *sim) avatarAt(p *platform, channel string) *service {
	i := slices.Index(s.platforms, p) + s.plan.cast
	if s.routed(channel) {
		i++
	}
	return s.services[i%len(s.services)]
}

func (s *sim) routed(channel string) bool { return hashed(s.plan.seed, "route"+channel, 3) == 0 }

// placeOf is the platform on which a text was written.
func (s *sim) placeOf(text string) *platform { return s.platforms[text[1]-'0'] }

// settings are the ones of a platform, and the routes of what another avatar answers there.
func (s *sim) settings(p *platform) (relay.Settings, []relay.Route) {
	all := relay.Settings{ReplyWhen: s.plan.replyWhen, Memory: s.plan.memory, Limits: s.plan.limits, MaxAge: s.plan.maxAge}
	var routes []relay.Route
	for _, channel := range s.script.rooms[p] {
		if s.routed(channel) {
			other := all
			other.Avatar = s.avatarAt(p, channel).name
			routes = append(routes, relay.Route{Channels: []string{channel}, Settings: other})
		}
	}
	all.Avatar = s.services[(slices.Index(s.platforms, p)+s.plan.cast)%len(s.services)].name
	return all, routes
}
