package trial

import (
	"context"
	"time"

	"avatarbridge/cmd/avatarbridge-load/internal/figure"
)

// A Mode is one way to be driven.
type Mode struct {
	Name     string
	About    string
	Baseline bool // it says something about the baseline too
	Fault    bool // something fails while it runs
	run      func(ctx context.Context, b *Bench, who string, r *figure.Result) error
	unfit    func(b *Bench) string // nil fits everywhere
}

// Unfit is why the mode makes no sense for a bench's mix of bridges, "" when it does.
func (m *Mode) Unfit(b *Bench) string {
	if m.unfit == nil {
		return ""
	}
	return m.unfit(b)
}

// needs is for modes that are about one platform.
func needs(kind, why string) func(*Bench) string {
	return func(b *Bench) string {
		if b.has(kind) {
			return ""
		}
		return why
	}
}

// acknowledged is for modes that look whether messages are taken.
func acknowledged(b *Bench) string {
	if b.has(Telegram) || b.has(Slack) || b.has(Web) {
		return ""
	}
	return "Discord is told of no message whether it was taken, and hands it out all the same"
}

// told is for modes in which people are told in the chat that it is too much.
func told(b *Bench) string {
	if b.has(Web) {
		return "a chat page refuses what is too much, and sends it again later"
	}
	return ""
}

// oneAvatar is for modes that bound how often one avatar is called.
func oneAvatar(b *Bench) string {
	if len(b.avatars()) > 1 {
		return "how often an avatar is called is bounded for each: measure one alone"
	}
	return ""
}

// Modes returns all modes, in the order of the table.
func Modes() []Mode {
	down := func(kind, name, about string) Mode {
		return Mode{kind + "-down", about, false, true, down(kind), needs(kind, "there is no bridge to "+name)}
	}
	return []Mode{
		{"closed", "messages over chats, each person writes on when the reply has come", true, false, closed, nil},
		{"open", "messages at a steady rate, whatever comes back", true, false, open, nil},
		{"burst", "everybody writes in the same instant, the avatar takes 50 ms", true, false, burst, nil},
		{"stuck", "one avatar call is stuck for 3 s while the others go on", true, false, stuckFor(0), nil},
		{"stuck60", "the same for 60 s", true, false, stuckFor(time.Minute), nil},
		{"slow", "300 avatar calls of 10 s at once, and others beside", true, false, slow, nil},
		{"overload", "people write more than their limit", false, false, overload, told},
		{"idle", "nobody writes", true, false, idle, nil},
		{"conversations", "10,000 people write once", true, false, conversations, nil},
		{"start", "until it hears what is written: a new database, an old one, one with messages that wait", true, false, start, nil},
		{"order", "three messages back to back in each chat, the avatar takes 0 to 20 ms", true, false, order, nil},
		{"crash", "SIGKILL at random moments of the whole run; every fifth ends Discord's session too", true, false, crash("repeat"), nil},
		{"crash-hold", "the same with on_unclear = \"hold\"", false, false, crash("hold"),
			needs(Telegram, "elsewhere the program can look whether a post is there: nothing is held")},
		{"crash-steps", "SIGKILL at each step of the wire", false, false, crashSteps, nil},
		{"crash-loop", "SIGKILL again and again before it has finished starting", false, false, crashLoop, nil},
		down(Telegram, "Telegram", "Telegram answers 502 for a while"),
		down(Discord, "Discord", "Discord's API answers 502 for a while, its gateway goes on"),
		down(Slack, "Slack", "Slack's Web API answers 502 for a while, its sockets go on"),
		{"avatar-down", "the avatar answers 503 for a while", false, true, avatarDown, oneAvatar},
		{"names", "the names of the platforms and of the avatar's runner cannot be resolved for a while", false, true, names, nil},
		{"loris", "every answer comes a byte at a time for a while, some of them for longer than the program waits", false, true, loris, nil},
		{"disk", "the disk is full for a while", false, true, disk, acknowledged},
		{"pause", "SIGSTOP for a while", false, true, pause, nil},
	}
}
