package relay_test

import (
	"context"
	"errors"
	"strings"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/bridges/relay"
)

// An ear is the program's connection to the sounds, in one life.
type ear struct {
	*sim
	life *life
}

var _ relay.Media = ear{}

// Keep is described in the contract.
func (e ear) Keep(ctx context.Context, a avatar.Audio) (bridges.Audio, error) {
	if !e.life.gone() {
		e.c.pass("sound/" + string(a.Data))
	}
	if e.life.gone() {
		<-ctx.Done()
		return bridges.Audio{}, ctx.Err()
	}
	if !e.healed && e.c.chance(e.plan.faults) {
		e.lose(string(a.Data))
		return bridges.Audio{}, errDisk
	}
	return bridges.Audio{Source: "media:" + string(a.Data), Link: "https://here/" + string(a.Data), Type: "audio/ogg"}, nil
}

// Vet is described in the contract.
func (e ear) Vet(url string, _ bool) error {
	if strings.HasPrefix(url, "https://") {
		return nil
	}
	e.lose(pieceOf.FindString(url))
	return errors.New("not https")
}

// lose notes that the sound of a piece cannot be had.
func (s *sim) lose(piece string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mute[piece] = true
}

// Drop is described in the contract.
func (e ear) Drop(ctx context.Context, ref string) error {
	if !strings.HasPrefix(ref, keptRef) {
		return nil
	}
	if !e.life.gone() {
		e.c.pass("let go of/" + ref)
	}
	if e.life.gone() {
		<-ctx.Done()
		return ctx.Err()
	}
	fails := !e.healed && e.c.chance(e.plan.faults)
	e.mu.Lock()
	defer e.mu.Unlock()
	if delete(e.owed, ref); fails {
		e.left[ref] = true
		return errDisk
	}
	e.letGo(ref)
	return nil
}

// aloud gives a reply a sound, or makes it one: of its own bytes, or at an address that is good or not.
func aloud(r *avatar.Reply, dice int) {
	words := pieceOf.FindString(r.Text)
	switch dice {
	case 0, 1:
		r.Audio.Data = []byte(words)
	case 2:
		r.Audio.URL = "https://voice/" + words
	case 3:
		r.Audio.URL = "http://voice/" + words
	default:
		return
	}
	if dice%2 == 1 {
		r.Text = ""
	}
}

// soundOf is what is heard in a reply without a text.
func soundOf(a *avatar.Audio) string { return pieceOf.FindString(a.URL + string(a.Data)) }

// fitSound makes a piece of a sound alone.
func fitSound(m *bridges.Message) bridges.Message {
	words := pieceOf.FindString(m.Audio.Source)
	return bridges.Message{ReplyTo: m.ReplyTo, Mention: m.Mention, Forms: []bridges.Form{{Kind: "voice", Text: words, Audio: m.Audio}, {Kind: "text", Text: words}}}
}
