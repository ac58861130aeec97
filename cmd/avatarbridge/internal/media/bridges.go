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
// is there that there is no room for more, the error is fault.Retry, as when the disk fails.
func (b forBridges) Keep(_ context.Context, data []byte) (ref string, err error) {
	if len(data) == 0 {
		return "", fault.Reject("the voice message is empty", nil)
	}
	if int64(len(data)) > b.cfg.MaxBytes {
		return "", fault.Reject(fmt.Sprintf("the voice message has more than %d bytes", b.cfg.MaxBytes), nil)
	}
	if !slices.Contains(spoken, sniff(data)) {
		return "", fault.Reject("what was sent as a voice message is no audio that is known here", nil)
	}
	if ref, err = b.voices.add(data, true); err != nil {
		return "", &fault.Outcome{Reason: "voice messages cannot be kept in " + b.voices.dir, Err: err}
	}
	return ref, nil
}

// Load returns what Keep stored.
func (b forBridges) Load(_ context.Context, ref string) (*bridges.File, error) {
	data, err := b.voices.read(ref, b.cfg.MaxBytes)
	if errors.Is(err, fs.ErrNotExist) {
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
