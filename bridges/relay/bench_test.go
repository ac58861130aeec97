package relay

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/store"
)

// silent is a bridge and an avatar that never do anything.
type silent struct{}

func (silent) Run(context.Context, bridges.Receiver) error            { return nil }
func (silent) Fit(bridges.Message) []bridges.Message                  { return nil }
func (silent) Send(context.Context, bridges.Message) (string, error)  { return "", nil }
func (silent) Ask(context.Context, avatar.Turn, avatar.Speaker) error { return nil }

func (acceptsAll) Accept(_ context.Context, b store.Batch) ([]store.Result, error) {
	return make([]store.Result, len(b.Entries)), nil
}

// acceptsAll is a store that keeps nothing of what it accepts.
type acceptsAll struct{ store.Store }

// BenchmarkRouting finds the route of a message among many: one that the last route lists by its channel, one by what the channel is in, and one
// that none lists.
func BenchmarkRouting(b *testing.B) {
	for _, routes := range []int{1, 10, 100} {
		l := routed(b, routes)
		last := fmt.Sprint("channel ", routes-1)
		for name, ev := range map[string]bridges.Event{
			"channel":  {Place: bridges.Place{Channel: last}},
			"category": {Place: bridges.Place{Channel: "thread"}, Within: []string{"channel", last}},
			"none":     {Place: bridges.Place{Channel: "elsewhere"}, Within: []string{"category", "guild"}},
		} {
			b.Run(fmt.Sprintf("routes=%d/%s", routes, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if s, answered := l.route(ev.Place, ev.Within); s == nil || answered == (name == "none") {
						b.Fatal("a wrong route")
					}
				}
			})
		}
	}
}

// BenchmarkReceive is what the relay does with a message before and after the store: for one that is for an avatar, and for one of a crowd that is not.
func BenchmarkReceive(b *testing.B) {
	l := routed(b, 10)
	l.account = "fake:1"
	for name, addressed := range map[string]bool{"for the avatar": true, "for others": false} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			ev := bridges.Event{Key: "1/1", At: time.Now(), Place: bridges.Place{Channel: "channel 9"}, Text: "What is the weather like?", Message: "1",
				Addressed: addressed, From: bridges.Person{Platform: "fake", User: "1", Name: "Ann"}}
			for b.Loop() {
				if err := l.Receive(b.Context(), bridges.Batch{Events: []bridges.Event{ev}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// routed makes a line with so many routes.
func routed(b *testing.B, routes int) *line {
	b.Helper()
	limits := Limits{Person: []Rate{{10, time.Minute}, {200, 24 * time.Hour}}, Room: []Rate{{30, time.Minute}}, Avatar: []Rate{{120, time.Minute}}}
	cfg := Bridge{Name: "b", Platform: "fake", Bridge: silent{}, Default: Settings{Avatar: "luna"}}
	for i := range routes {
		cfg.Routes = append(cfg.Routes, Route{Channels: []string{fmt.Sprint("room ", i), fmt.Sprint("channel ", i)}, Settings: Settings{Avatar: "luna", Limits: limits}})
	}
	r, err := New(Config{Store: acceptsAll{}, Log: slog.New(slog.DiscardHandler), Bridges: []Bridge{cfg}, Avatars: []Avatar{{Name: "luna", Backend: silent{}}}})
	if err != nil {
		b.Fatal(err)
	}
	return r.lines[0]
}
