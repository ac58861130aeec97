package discord

import (
	"errors"
	"io"
)

// maxFrame bounds what is kept of one payload. A guild with 500 channels and their topics has about a megabyte.
const maxFrame = 8 << 20

var (
	errLarge  = errors.New("a payload is larger than any that the program needs")
	errNoJSON = errors.New("a payload is no JSON")
)

// unread are the parts of events that the bridge never looks at. The largest guilds name 50,000 members in one payload.
var unread = map[string]bool{
	"members": true, "presences": true, "voice_states": true, "emojis": true, "stickers": true, "soundboard_sounds": true,
	"stage_instances": true, "guild_scheduled_events": true, "embeds": true, "components": true, "reactions": true, "message_snapshots": true,
}

// sift reads one payload to its end and returns it with null in place of the unread parts of its "d", which so never are in memory
// whole. After errLarge the payload was read to its end too. It reads by way of chunk.
func sift(r io.Reader, chunk []byte) ([]byte, error) {
	s := sieve{out: make([]byte, 0, 1<<10)}
	for {
		n, err := r.Read(chunk)
		for _, c := range chunk[:n] {
			s.take(c)
		}
		switch {
		case err == io.EOF && s.large:
			return nil, errLarge
		case err == io.EOF && (s.depth != 0 || s.quoted):
			return nil, errNoJSON
		case err == io.EOF:
			return s.out, nil
		case err != nil:
			return nil, err
		}
	}
}

// partDepth is how deep the keys of "d" are.
const partDepth = 2

// A sieve follows JSON byte by byte.
type sieve struct {
	out     []byte
	depth   int
	quoted  bool // in a string
	escaped bool // behind a backslash in it
	key     []byte
	skips   bool // the value of an unread key is being read
	large   bool
}

func (s *sieve) take(c byte) {
	if s.quoted {
		s.inString(c)
		s.put(c)
		return
	}
	switch c {
	case '"':
		s.quoted, s.key = true, s.key[:0]
	case '{', '[':
		s.depth++
	case '}', ']':
		if s.skips && s.depth == partDepth {
			s.passed()
		}
		s.depth--
	case ',':
		if s.skips && s.depth == partDepth {
			s.passed()
		}
	case ':':
		s.put(c)
		if s.depth == partDepth && !s.skips && unread[string(s.key)] {
			s.skips = true
		}
		return
	}
	s.put(c)
}

func (s *sieve) inString(c byte) {
	switch {
	case s.escaped:
		s.escaped = false
	case c == '\\':
		s.escaped = true
	case c == '"':
		s.quoted = false
		return
	}
	if s.depth == partDepth && len(s.key) < 64 {
		s.key = append(s.key, c)
	}
}

// passed ends a value that was left out.
func (s *sieve) passed() {
	s.skips = false
	s.out = append(s.out, "null"...)
}

func (s *sieve) put(c byte) {
	switch {
	case s.skips || s.large:
	case len(s.out) >= maxFrame:
		s.large, s.out = true, nil
	default:
		s.out = append(s.out, c)
	}
}
