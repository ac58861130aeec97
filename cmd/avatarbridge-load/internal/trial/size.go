package trial

import (
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/figure"
)

// Size is how large the modes are. Zero values are those that the README speaks of.
type Size struct {
	Messages  int           // closed: 5,000
	Chats     int           // closed 500, overload 200, elsewhere 100
	Rate      int           // stuck: 200; open, slow, faults: 50 messages a second
	Duration  time.Duration // open, idle, disk: 10 s; pause: 30 s; the other faults: a minute
	Burst     int           // 1,000 chats
	Stuck     time.Duration // 3 s
	Slow      int           // 300 avatar calls
	SlowFor   time.Duration // 10 s each
	People    int           // conversations: 10,000
	Kills     int           // crash: 25; crashloop: 20
	InFlight  int           // crash, start: 1,000 messages
	AvatarFor time.Duration // closed, open: 0
}

// Or fills what is 0.
func (s Size) Or(d Size) Size {
	or := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	orD := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	or(&s.Messages, d.Messages)
	or(&s.Chats, d.Chats)
	or(&s.Rate, d.Rate)
	or(&s.Burst, d.Burst)
	or(&s.Slow, d.Slow)
	or(&s.People, d.People)
	or(&s.Kills, d.Kills)
	or(&s.InFlight, d.InFlight)
	orD(&s.Duration, d.Duration)
	orD(&s.Stuck, d.Stuck)
	orD(&s.SlowFor, d.SlowFor)
	return s
}

// Values are the sizes that are not 0, by the names of the command line's flags; times are in seconds.
func (s Size) Values() map[string]float64 {
	all := map[string]float64{
		"messages": float64(s.Messages), "chats": float64(s.Chats), "rate": float64(s.Rate), "duration": s.Duration.Seconds(),
		"burst": float64(s.Burst), "stuck": s.Stuck.Seconds(), "slow": float64(s.Slow), "slow-for": s.SlowFor.Seconds(),
		"people": float64(s.People), "kills": float64(s.Kills), "in-flight": float64(s.InFlight), "avatar-for": s.AvatarFor.Seconds(),
	}
	for name, v := range all {
		if v == 0 {
			delete(all, name)
		}
	}
	return all
}

// size is the bench's size, with d where it has none. What d has is what the mode goes by, and becomes part of the result.
func (b *Bench) size(r *figure.Result, d Size) Size {
	size := b.Size.Or(d)
	all := size.Values()
	if r.Sizes == nil {
		r.Sizes = map[string]float64{}
	}
	for name := range d.Values() {
		r.Sizes[name] = all[name]
	}
	return size
}
