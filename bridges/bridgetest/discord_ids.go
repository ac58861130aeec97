package bridgetest

import (
	"strconv"
	"time"
)

// discordEpoch is the first millisecond of 2015, from which snowflakes count.
const discordEpoch = 1420070400000

// isoMicro is how Discord writes times.
const isoMicro = "2006-01-02T15:04:05.000000-07:00"

func isoTime(t time.Time) string { return t.UTC().Format(isoMicro) }

// newID returns the snowflake of this moment, greater than all before; needs d.mu.
func (d *Discord) newID() string {
	d.lastID = max(snowflakeAt(d.Now()), d.lastID+1)
	return formatID(d.lastID)
}

// idAt returns a snowflake of a moment in the past that nothing else has; needs d.mu.
func (d *Discord) idAt(at time.Time) string {
	if at.IsZero() {
		return d.newID()
	}
	d.lastID++ // its low bits make the id unique
	return formatID(snowflakeAt(at) | d.lastID&(1<<22-1))
}

func snowflakeAt(t time.Time) uint64 { return uint64(max(t.UnixMilli()-discordEpoch, 0)) << 22 }

func formatID(n uint64) string { return strconv.FormatUint(n, 10) }

// parseID reads a snowflake; ok is false for what is none.
func parseID(s string) (n uint64, ok bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	return n, err == nil
}

// SnowflakeTime is the moment that an id carries, the zero time when it is no snowflake.
func SnowflakeTime(id string) time.Time {
	n, ok := parseID(id)
	if !ok {
		return time.Time{}
	}
	return time.UnixMilli(int64(n>>22) + discordEpoch)
}
