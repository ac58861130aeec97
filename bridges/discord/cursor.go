package discord

import (
	"encoding/json"
	"time"
)

// cursorVersion stands in every cursor. One of another version counts as none.
const cursorVersion = 1

// A cursor is what is stored beside events: where each shard goes on after a restart.
type cursor struct {
	V      int     `json:"v"`
	Shards []point `json:"n"`
}

// A point is how far a shard has come: all before it is stored.
type point struct {
	session
	At  int64 `json:"t"`           // unix milliseconds
	Gap int64 `json:"g,omitempty"` // since when messages may be missing that are still being looked for; 0: none are
	// Far is up to which message each channel in which a gap is long is looked through already
	Far map[id]uint64 `json:"f,omitempty"`
}

func readCursor(text string, shards int) []point {
	var c cursor
	if json.Unmarshal([]byte(text), &c) != nil || c.V != cursorVersion {
		c = cursor{}
	}
	if len(c.Shards) == shards {
		return c.Shards
	}
	// Sessions belong to a number of shards. What is known is how far all of them had come.
	at := int64(0)
	for _, p := range c.Shards {
		for _, t := range []int64{p.At, p.Gap} {
			if t > 0 && (at == 0 || t < at) {
				at = t
			}
		}
	}
	points := make([]point, shards)
	for i := range points {
		points[i].At = at
	}
	return points
}

func (c cursor) String() string {
	raw, err := json.Marshal(c)
	if err != nil {
		return "" // never: it is strings and numbers
	}
	return string(raw)
}

// since is from when on a new session has to look for messages, the zero time when nothing is known. A gap that is still open begins where it
// did, however often the program has ended meanwhile.
func (p *point) since() time.Time {
	switch {
	case p.Gap > 0:
		return time.UnixMilli(p.Gap)
	case p.At > 0:
		return time.UnixMilli(p.At).Add(-gapSlack)
	}
	return time.Time{}
}
