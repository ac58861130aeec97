package main

import (
	"context"
	"fmt"
	"time"

	"avatarbridge/bridges/bridgetest"
)

// A trouble is something that goes wrong with a platform on purpose.
type trouble struct {
	name string
	// makes makes it happen. Where it breaks a connection, it returns when there is another one, or an error.
	makes func(context.Context) error
}

// failing is a trouble that befalls calls to come.
func failing(name string, breaks ...func()) trouble {
	return trouble{name, func(context.Context) error {
		for _, b := range breaks {
			b()
		}
		return nil
	}}
}

// often is how many calls a trouble befalls: n with many people.
func (p *party) often(n int) int {
	if len(p.chats) < 300 {
		return (n + 2) / 3
	}
	return n
}

// telegramTroubles leave out answers that are lost behind a post: Telegram has no means against a repeat of it. The last
// two befall what people write.
func (p *party) telegramTroubles() []trouble {
	fault := func(f bridgetest.Fault) func() { return func() { p.telegram.Break(f) } }
	return []trouble{
		failing("502", fault(bridgetest.Fault{Method: "sendMessage", Times: p.often(5), Effect: bridgetest.HTML, Code: 502})),
		failing("429", fault(bridgetest.Fault{Method: "sendMessage", Times: p.often(2), Effect: bridgetest.Throttle, RetryAfter: 1})),
		failing("calls that are cut", fault(bridgetest.Fault{Method: "sendMessage", Times: p.often(5), Effect: bridgetest.Cut})),
		failing("polls whose answer is cut", fault(bridgetest.Fault{Method: "getUpdates", Times: p.often(2), Effect: bridgetest.Half, Accepted: true})),
		failing("polls that are refused", fault(bridgetest.Fault{Method: "getUpdates", Times: p.often(2), Effect: bridgetest.Status, Code: 500})),
	}
}

func (p *party) discordTroubles() []trouble {
	post := func(f bridgetest.DiscordFault) func() {
		return func() {
			f.Route = bridgetest.RouteCreateMessage
			p.d.Break(f)
		}
	}
	return []trouble{
		failing("posts that are cut when they are there", post(bridgetest.DiscordFault{Times: p.often(5), Effect: bridgetest.Cut, Accepted: true})),
		failing("502 when the post is there", post(bridgetest.DiscordFault{Times: p.often(5), Effect: bridgetest.HTML, Code: 502, Accepted: true})),
		failing("half an answer", post(bridgetest.DiscordFault{Times: p.often(3), Effect: bridgetest.Half, Accepted: true})),
		failing("an answer that is no JSON", post(bridgetest.DiscordFault{Times: p.often(3), Effect: bridgetest.Garbage, Accepted: true})),
		failing("503", post(bridgetest.DiscordFault{Times: p.often(5), Effect: bridgetest.Status, Code: 503})),
		failing("429, shared", post(bridgetest.DiscordFault{Times: p.often(3), Effect: bridgetest.Throttle, RetryAfter: 300 * time.Millisecond, Scope: "shared"})),
		failing("429, global", post(bridgetest.DiscordFault{Times: p.often(1), Effect: bridgetest.Throttle, RetryAfter: 300 * time.Millisecond, Scope: "global"})),
		failing("answers to commands that fail", func() {
			p.d.Break(bridgetest.DiscordFault{Route: bridgetest.RouteEditFollowUp, Times: p.often(3), Effect: bridgetest.Cut, Accepted: true})
		}),
		failing("unknown events, and ones that nobody can read", func() {
			p.d.RawEvent(p.member, "SOMETHING_NEW", `{"id":"$id"}`)
			p.d.RawEvent(p.member, "MESSAGE_CREATE", `{"id":7,"author":null}`)
			p.d.RawFrame(p.member, bridgetest.FrameNull)
			p.d.RawFrame(p.member, bridgetest.FrameMalformed)
		}),
	}
}

// gatewayTroubles break the connection. Only the last one ends the session, which makes the bridge look through the channels that it knows.
func (p *party) gatewayTroubles() []trouble {
	again := func(breaks func()) func(context.Context) error {
		return func(ctx context.Context) error {
			before := p.sessions.Load()
			breaks()
			if err := p.d.WaitFor(ctx, func() bool { return p.sessions.Load() > before }); err != nil {
				return fmt.Errorf("there is no other connection to the gateway: %w", err)
			}
			return nil
		}
	}
	return []trouble{
		{"a cut", again(func() { p.d.CutGateways(p.member) })},
		{"op 7", again(func() { p.d.AskReconnect(p.member) })},
		{"op 9 that can be resumed", again(func() { p.d.Invalidate(p.member, true) })},
		{"a zombie", again(func() { p.d.Zombify(p.member) })},
		{"a close", again(func() { p.d.CloseGateways(p.member, 4000) })},
		{"op 9", again(func() { p.d.Invalidate(p.member, false) })},
	}
}

func (p *party) slackTroubles() []trouble {
	post := func(f bridgetest.SlackFault) func() {
		return func() {
			f.Method = "chat.postMessage"
			p.s.Break(f)
		}
	}
	return []trouble{
		failing("posts that are cut when they are there", post(bridgetest.SlackFault{Times: p.often(5), Effect: bridgetest.Cut, Accepted: true})),
		failing("502 when the post is there", post(bridgetest.SlackFault{Times: p.often(5), Effect: bridgetest.HTML, Code: 502, Accepted: true})),
		failing("half an answer", post(bridgetest.SlackFault{Times: p.often(3), Effect: bridgetest.Half, Accepted: true})),
		failing("503", post(bridgetest.SlackFault{Times: p.often(5), Effect: bridgetest.Status, Code: 503})),
		failing("429", post(bridgetest.SlackFault{Times: p.often(3), Effect: bridgetest.Throttle, RetryAfter: 1})),
		failing("errors of Slack's own", post(bridgetest.SlackFault{Times: p.often(3), Effect: bridgetest.Refuse, Body: "internal_error"})),
		failing("unknown envelopes, and events that nobody can read", func() {
			p.s.SendEnvelope(p.app, "something_new", `{"a":1}`)
			p.s.SendEvent(p.app, `{"type":"something_new"}`)
			p.s.SendEvent(p.app, `{"type":"message","channel":7,"text":[]}`)
		}),
	}
}

// socketTroubles break one of the two sockets each.
func (p *party) socketTroubles() []trouble {
	breaks := func(f func(*bridgetest.SlackConnection)) func(context.Context) error {
		return func(context.Context) error {
			if open := p.s.Connections(p.app); len(open) > 0 {
				f(open[0])
			}
			return nil
		}
	}
	return []trouble{
		{"disconnect", breaks(func(c *bridgetest.SlackConnection) { c.Disconnect("refresh_requested") })},
		{"a cut", breaks(func(c *bridgetest.SlackConnection) { c.Cut() })},
		{"frames that nobody can read", breaks(func(c *bridgetest.SlackConnection) { c.SendRaw("null"); c.SendRaw(`{"envelope_id":`) })},
		{"a silent socket", breaks(func(c *bridgetest.SlackConnection) { c.Silence() })},
	}
}
