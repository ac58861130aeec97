package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/bridgetest"
)

// An acknowledgement finds the call with which the event that has the text in it was acknowledged first, nil if it was not.
type acknowledgement func(tr *tracing, text string) *call

// first is the earlier call.
func first(a, b *call) *call {
	if a == nil || b != nil && b.began < a.began {
		return b
	}
	return a
}

// overHTTP is the answer 2xx to a request at a path that begins so.
func overHTTP(path string) acknowledgement {
	return func(tr *tracing, text string) (ack *call) {
		for socket, in := range tr.in {
			out := tr.out[socket]
			if out == nil || !bytes.HasPrefix(in.data, []byte("POST "+path)) {
				continue
			}
			for _, arrived := range in.carries(text) {
				for _, c := range out.calls {
					if c.began > arrived.ended {
						if bytes.HasPrefix(c.data, []byte("HTTP/1.1 2")) {
							ack = first(ack, c)
						}
						break
					}
				}
			}
		}
		return ack
	}
}

// byEnvelope is the frame with the id of the envelope on a socket of Socket Mode.
func byEnvelope(tr *tracing, text string) (ack *call) {
	for socket, in := range tr.in {
		out := tr.out[socket]
		if out == nil || !bytes.Contains(out.data, []byte("Sec-WebSocket-Key: ")) {
			continue
		}
		for _, arrived := range in.frames() {
			var envelope struct {
				ID string `json:"envelope_id"`
			}
			if !bytes.Contains(arrived.payload, []byte(text)) || json.Unmarshal(arrived.payload, &envelope) != nil || envelope.ID == "" {
				continue
			}
			for _, f := range out.frames() {
				if bytes.Contains(f.payload, []byte(envelope.ID)) {
					ack = first(ack, f.call)
				}
			}
		}
	}
	return ack
}

// byOffset is the next poll with an offset.
func byOffset(tr *tracing, text string) (ack *call) {
	var arrived *call
	for _, in := range tr.in {
		for _, c := range in.carries(text) {
			arrived = first(arrived, c)
		}
	}
	for _, c := range tr.calls {
		if arrived != nil && c.writes() && c.began > arrived.ended && offsetOf(c) > 0 {
			ack = first(ack, c)
		}
	}
	return ack
}

var pollForm = regexp.MustCompile(`^POST /bot[^ ]*/getUpdates `)

var offsetForm = regexp.MustCompile(`(?s)^POST /bot[^ ]*/getUpdates .*\r\n\r\n(?:[^&]*&)*offset=(\d+)`) // the fields come in any order

// offsetOf is that of a poll, 0 for a poll without one and for anything else.
func offsetOf(c *call) int64 {
	if m := offsetForm.FindSubmatch(c.data); m != nil {
		n, _ := strconv.ParseInt(string(m[1]), 10, 64)
		return n
	}
	return 0
}

// A frame is one of a WebSocket.
type frame struct {
	payload []byte
	call    *call // that has read or written its first byte
}

// frames are those that follow the handshake. None is in parts, nor compressed.
func (s *stream) frames() (all []frame) {
	_, rest, _ := bytes.Cut(s.data, []byte("\r\n\r\n"))
	for len(rest) >= 2 {
		at := len(s.data) - len(rest)
		size, masked := int(rest[1]&0x7f), rest[1]&0x80 != 0
		rest = rest[2:]
		switch {
		case size == 126 && len(rest) >= 2:
			size, rest = int(binary.BigEndian.Uint16(rest)), rest[2:]
		case size == 127 && len(rest) >= 8:
			size, rest = int(binary.BigEndian.Uint64(rest)), rest[8:]
		}
		var mask [4]byte
		if masked && len(rest) >= 4 {
			rest = rest[copy(mask[:], rest):]
		}
		if len(rest) < size {
			return all
		}
		payload := bytes.Clone(rest[:size])
		for i := range payload {
			payload[i] ^= mask[i%4]
		}
		all, rest = append(all, frame{payload, s.at(at)}), rest[size:]
	}
	return all
}

// acked is what a test of acknowledgements does to the program.
type acked struct {
	rig   *rig
	begin func() // once it runs; may be nil
	write func(text string)
	ack   acknowledgement
	done  func(texts []string) bool // whether all are answered
	wait  func(context.Context, func() bool) error
}

const tracedMessages = 12

func TestEachAcknowledgementFollowsASyncOfItsEventToTheDisk(t *testing.T) {
	for name, set := range map[string]func(*testing.T) *acked{
		"Telegram's polls": func(t *testing.T) *acked { return telegramAcked(newRig(t, setup{}), byOffset, asItIs) },
		"Telegram's webhook": func(t *testing.T) *acked {
			return telegramAcked(newRig(t, setup{bridge: webhookMode}), overHTTP("/bridges/tg/webhook"), asItIs)
		},
		"Slack's sockets":      func(t *testing.T) *acked { return slackAcked(t, false) },
		"Slack's Events API":   func(t *testing.T) *acked { return slackAcked(t, true) },
		"Voximplant's replies": voximplantAcked,
	} {
		t.Run(name, func(t *testing.T) {
			a := set(t)
			stop := a.rig.trace("read,write,pwrite64,fdatasync,fsync")
			a.rig.ready()
			if a.begin != nil {
				a.begin()
			}
			var texts []string
			for n := range tracedMessages {
				texts = append(texts, text(n%4, n))
				a.write(texts[n])
			}
			if err := a.wait(deadline(t), func() bool { return a.done(texts) }); err != nil {
				t.Fatalf("%v; log:\n%s", err, a.rig.logged())
			}
			a.rig.await("nothing to wait", a.rig.quiet)
			tr := stop()
			for _, text := range texts {
				if wrong := tr.unproven(text, a.ack(tr, text)); wrong != "" {
					t.Errorf("%s: %s, of %d", text, wrong, tr.lastLine)
				}
			}
		})
	}
}

func asItIs(text string) string { return text }

const webhookMode = "mode = \"webhook\"\nwebhook_secret = \"only-telegram-knows\"\n"

// each reports whether each text is in what is shown.
func each(texts, shown []string) bool {
	all := strings.Join(shown, "\n")
	for _, text := range texts {
		if !strings.Contains(all, text) {
			return false
		}
	}
	return true
}

// telegramAcked has people write on Telegram, with words changed as they like.
func telegramAcked(r *rig, ack acknowledgement, words func(string) string) *acked {
	var chats []*bridgetest.Chat
	var users []*bridgetest.User
	for i := range 4 {
		users = append(users, r.telegram.AddUser("Ann"))
		chats = append(chats, r.telegram.Direct(users[i], r.bot))
	}
	n := 0
	return &acked{
		rig: r, ack: ack, wait: r.telegram.WaitFor,
		write: func(text string) {
			r.telegram.Write(bridgetest.Line{Chat: chats[n%4], From: users[n%4], Text: words(text)})
			n++
		},
		done: func(texts []string) bool {
			var shown []string
			for _, p := range r.telegram.Posts() {
				shown = append(shown, p.Text)
			}
			return each(texts, shown) && len(r.bot.Pending()) == 0
		},
	}
}

// slackAcked has people write on Slack, every other time with a command.
func slackAcked(t *testing.T, http bool) *acked {
	r := newSlackRig(t, "echo", http)
	talks := r.talks(4, 0)
	n := 0
	a := &acked{
		rig: r.rig, ack: byEnvelope, wait: r.slack.WaitFor,
		write: func(text string) {
			k := talks[n%4]
			if n++; n/4%2 == 1 {
				r.slack.Command(bridgetest.SlackCommand{App: r.app, Channel: k.at, User: k.who, Name: "/ask", Text: text})
			} else {
				r.says(k, text)
			}
		},
		done: func(texts []string) bool {
			var shown []string
			for _, p := range r.slack.Posts() {
				shown = append(shown, p.Text)
			}
			return each(texts, shown) && r.slack.Unacknowledged(r.app) == 0
		},
	}
	if http {
		a.ack, a.begin = overHTTP("/bridges/sl/"), func() { r.hook(deadline(t)) }
	}
	return a
}

// voximplantAcked has an avatar whose replies have texts of their own, which were nowhere before.
func voximplantAcked(t *testing.T) *acked {
	r := newVoxRig(t, "")
	r.vox.Answer(func(u avatartest.VoximplantUtterance) avatartest.VoximplantAnswer {
		return avatartest.VoximplantAnswer{After: []avatartest.VoximplantCallback{{Response: strings.ReplaceAll(u.Text, "-", ".")}}}
	})
	return telegramAcked(r.rig, overHTTP("/avatars/concierge/callback/"), func(text string) string { return strings.ReplaceAll(text, ".", "-") })
}
