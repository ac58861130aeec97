package media

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// unheard is how long what people said is spared when room is needed: it was acknowledged and may not have been heard yet.
const unheard = time.Hour

// spoken are the formats in which people may send their voice.
var spoken = []*format{ogg, opus, webm, m4a, mp3, wav, aac, flac}

// forBridges is a Store as bridges see it. What they keep is what people said.
type forBridges struct{ *Store }

// Bridges returns the store's side for bridges.
func (s *Store) Bridges() bridges.Media { return forBridges{s} }

// Keep stores what a person said. It survives a power cut, is served to nobody, and goes after Config.Keep. When so much of the last hour
// is there that there is no room for more, the error is fault.Retry, as when the disk fails; when there is as much of the person as may be, it is
// fault.Throttled.
func (b forBridges) Keep(_ context.Context, r bridges.Recording) (ref string, fresh bool, err error) {
	if len(r.Data) == 0 {
		return "", false, fault.Reject("the voice message is empty", nil)
	}
	if int64(len(r.Data)) > b.cfg.MaxBytes {
		return "", false, fault.Reject(fmt.Sprintf("the voice message has more than %d bytes", b.cfg.MaxBytes), nil)
	}
	if !slices.Contains(spoken, sniff(r.Data)) {
		return "", false, fault.Reject("what was sent as a voice message is no audio that is known here", nil)
	}
	name, fresh, err := b.record(r)
	switch {
	case errors.Is(err, errTooMuch):
		return "", false, fault.Throttle(fault.Conversation, tooMuchFor, err)
	case err != nil:
		return "", false, &fault.Outcome{Reason: "voice messages cannot be kept in " + b.voices.dir, Err: err}
	}
	return voiceScheme + name, fresh, nil
}

// Discard undoes a Keep: a repeat is fresh again.
func (b forBridges) Discard(_ context.Context, ref string) error {
	b.said.Lock()
	defer b.said.Unlock()
	name, ok := recordingName(ref)
	if !ok {
		return nil
	}
	if _, err := b.voices.remove(name); err != nil {
		return &fault.Outcome{Reason: "voice messages cannot be deleted from " + b.voices.dir, Err: err}
	}
	return nil
}

// Load returns what Keep stored.
func (b forBridges) Load(_ context.Context, ref string) (*bridges.File, error) {
	name, ok := recordingName(ref)
	if !ok {
		return nil, fault.Reject("the voice message was never kept here", nil)
	}
	data, err := b.voices.read(name, b.cfg.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
		return nil, fault.Reject("the voice message has expired", nil)
	}
	if errors.Is(err, errTooLarge) {
		return nil, fault.Reject(fmt.Sprintf("the voice message has more than %d bytes", b.cfg.MaxBytes), nil)
	}
	if err != nil {
		return nil, &fault.Outcome{Reason: "voice messages cannot be read from " + b.voices.dir, Err: err}
	}
	f := sniff(data)
	if f == nil {
		return nil, fault.Reject("the voice message is broken", nil)
	}
	return &bridges.File{Name: "voice." + f.ext, Type: f.mime, Data: data}, nil
}
