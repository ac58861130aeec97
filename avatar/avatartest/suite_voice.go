package avatartest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// voiceChecks hold for every Hearer: what holds for text holds for voices, and what is about voices alone.
func voiceChecks() []check {
	own := []check{{"a voice message in any usual form is heard", anyVoice}}
	for _, c := range slices.Concat(replyChecks, serviceChecks, faultChecks) {
		own = append(own, check{"voice: " + c.name, func(b *bench) error {
			b.voiced = true
			return c.run(b)
		}})
	}
	return own
}

// anyVoice sends what platforms and browsers record.
func anyVoice(b *bench) error {
	b.voiced = true
	e, err := b.env()
	if err != nil {
		return err
	}
	var all error
	for kind, name := range map[string]string{
		"audio/ogg": "voice.ogg", "audio/ogg; codecs=opus": "file_7.oga", "audio/webm;codecs=opus": "recording.webm", "audio/mp4": "recording.mp4",
		"audio/mpeg": "song.mp3", "audio/x-m4a": "memo.m4a", "audio/wav": "a.wav", "audio/x-wav": "b.wav", "video/webm": "c.webm", "audio/flac": "d.flac",
	} {
		t := e.turn("I am " + kind)
		t.Voice.Type, t.Voice.Name = kind, name
		if err := e.answers(t); err != nil {
			all = errors.Join(all, fmt.Errorf("%s: %w", kind, err))
		}
	}
	return all
}

// drafts asks twice, so that a draft that comes after its Ask has returned is seen.
func drafts(b *bench) error {
	e, err := b.env()
	if err != nil {
		return err
	}
	var ears [2]Ear
	for i := range ears {
		if err := e.ask(e.ctx, e.turn("Tell me of the sea and of the ships that are on it, please"), &ears[i]); err != nil {
			return fmt.Errorf("asking a healthy avatar: %w", err)
		}
	}
	e.close()
	for i := range ears {
		said, shown := ears[i].Replies(), ears[i].Drafts()
		if len(said) != 1 {
			return fmt.Errorf("%d replies to one turn", len(said))
		}
		if err := ears[i].wrongDrafts(said[0].Text); err != nil {
			return err
		}
		if len(shown) < 3 || strings.TrimSpace(shown[0]) == "" || len(slices.Compact(shown)) != len(shown) {
			return fmt.Errorf("the reply was shown in %d steps: %.100q", len(shown), shown)
		}
	}
	return nil
}
