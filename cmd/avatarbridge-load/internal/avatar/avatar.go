// Package avatar is services that cost little and play an avatar: they answer each message with the reply that names it, after as long as
// they are told to think.
package avatar

import (
	"context"
	"sync/atomic"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// The steps of the wire.
const (
	TokenAsked = "token asked"
	Asked      = "avatar asked"
	Answered   = "avatar answered"
	Called     = "callback sent"
	Taken      = "callback taken"
)

// A Service is a simulator of what an avatar is asked at. Another backend is another Service.
type Service interface {
	// Section is the configuration of the avatar with this name.
	Section(name string) string
	// URL is where the avatar is asked.
	URL() string
	// Player says how it behaves.
	Player() *Player
	// Quiet returns when all is noted that a program asked which is dead by now.
	Quiet(ctx context.Context) error
	// Close ends the service.
	Close()
}

// A Player behaves as it is told, for any Service.
type Player struct {
	ledger *ledger.Ledger
	step   func(string)
	script atomic.Pointer[Script]
	fault  atomic.Pointer[wire.Fault]
	rush   atomic.Pointer[Rush]
	busy   atomic.Int64
	calls  atomic.Int64
}

// A Script says how a message is answered: after this time, or as soon as the channel is closed. A nil channel never is.
type Script func(chat, n int) (time.Duration, <-chan struct{})

// After is the script of an avatar that always thinks for d.
func After(d time.Duration) Script {
	return func(int, int) (time.Duration, <-chan struct{}) { return d, nil }
}

// NewPlayer makes a player that answers at once. step is called at each step, and waited for; nil is not.
func NewPlayer(l *ledger.Ledger, step func(string)) *Player {
	if step == nil {
		step = func(string) {}
	}
	p := &Player{ledger: l, step: step}
	p.Follow(After(0))
	return p
}

// Follow changes how messages are answered from now on.
func (p *Player) Follow(s Script) { p.script.Store(&s) }

// Break lets all calls fail in this way, and work again with nil. A call that is refused counts as no question.
func (p *Player) Break(f *wire.Fault) { p.fault.Store(f) }

// Watch begins to count the calls that are not refused.
func (p *Player) Watch() *Rush {
	r := new(Rush)
	p.rush.Store(r)
	return r
}

// Busy is how many messages are being thought about.
func (p *Player) Busy() int { return int(p.busy.Load()) }

// Calls is how many calls came, also those that were refused.
func (p *Player) Calls() int { return int(p.calls.Load()) }

var key = `"text":"`

// play answers a request whose body has the message in its text. head and tail stand around the reply.
func (p *Player) play(c *wire.Conn, r wire.Request, done <-chan struct{}, head, tail string) error {
	began := time.Now()
	chat, n, q, err := p.hear(c, r, key)
	if q == nil {
		return err
	}
	c.Waits()
	p.think(chat, n, done)
	answer := ledger.AppendText(append(make([]byte, 0, 256), head...), 'r', chat, n)
	answer = append(answer, tail...)
	p.ledger.Spent(chat, n, time.Since(began))
	err = q.reply(c, answer)
	p.step(Answered)
	return err
}

// A question is one that was heard, and how its answer fails.
type question struct {
	fault *wire.Fault
	rush  *Rush
}

// reply answers. Who asked may ask the next before this returns.
func (q *question) reply(c *wire.Conn, body []byte) error {
	q.rush.Leave(time.Now())
	return q.fault.Reply(c, body)
}

// hear reads which message a request asks, behind a marker. It returns nil when it has answered itself, that there is none or as a fault does.
func (p *Player) hear(c *wire.Conn, r wire.Request, marker string) (chat, n int, q *question, err error) {
	p.calls.Add(1)
	p.step(Asked)
	f := p.fault.Load().Next()
	if f.Refuses() {
		return 0, 0, nil, f.Reply(c, nil)
	}
	chat, n, ok := ledger.Find(r.Body, marker, 'm')
	if !ok {
		return 0, 0, nil, c.Answer(400, []byte(`{"error":"a message that nobody wrote"}`))
	}
	p.ledger.Asked(chat, n)
	if f.Stalled() {
		p.ledger.Unheard(chat, n)
	}
	q = &question{f, p.rush.Load()}
	q.rush.Enter(time.Now())
	return chat, n, q, nil
}

func (p *Player) think(chat, n int, done <-chan struct{}) {
	d, gate := (*p.script.Load())(chat, n)
	if d <= 0 {
		return
	}
	p.busy.Add(1)
	defer p.busy.Add(-1)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-gate:
	case <-done:
	}
}
