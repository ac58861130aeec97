package sqlite

import (
	"avatarbridge/store"
)

type counterKey struct {
	key   string
	every int64
}

// A counter is a window that opened at a time, and how many were counted in it.
type counter struct {
	opened, n int64
}

// limit returns the first limit that has no room, and when all of them will have.
func (c *core) limit(limits []store.Limit, now int64) (over *store.Limit, until int64, err error) {
	for i := range limits {
		v, err := c.counter(limits[i], now)
		if err != nil {
			return nil, 0, err
		}
		if v.n < int64(limits[i].Max) {
			continue
		}
		if over == nil {
			over = &limits[i]
		}
		if v.n == 0 { // no window is open, and none has room
			v.opened = now
		}
		until = max(until, v.opened+limits[i].Every.Microseconds())
	}
	return over, until, nil
}

// count counts one in each limit's counter; it is written once for the whole group.
func (c *core) count(limits []store.Limit, now int64) error {
	for _, l := range limits {
		v, err := c.counter(l, now)
		if err != nil {
			return err
		}
		if v.n == 0 {
			v.opened = now
		}
		v.n++
		k := counterKey{l.Key, l.Every.Microseconds()}
		old, had := c.changed[k]
		c.changed[k] = v
		c.counters.put(k, v)
		c.later(func() {
			c.counters.remove(k)
			delete(c.changed, k)
			if had {
				c.changed[k] = old
			}
		})
	}
	return nil
}

// counter returns what is counted in the limit's window at now; n is 0 when no window is open.
func (c *core) counter(l store.Limit, now int64) (counter, error) {
	k := counterKey{l.Key, l.Every.Microseconds()}
	v, ok := c.changed[k]
	if !ok {
		v, ok = c.counters.get(k)
	}
	if !ok {
		r, err := c.one("SELECT opened, n FROM counter WHERE key = ? AND every = ?", k.key, k.every)
		if err != nil {
			return counter{}, err
		}
		if r != nil {
			v = counter{opened: r.int(0), n: r.int(1)}
		}
		c.counters.put(k, v)
		c.later(func() { c.counters.remove(k) })
	}
	// A clock that was set back by more than the window would else keep it open for ever.
	if now >= v.opened+k.every || v.opened-now > k.every {
		return counter{}, nil
	}
	return v, nil
}

// notice says whether n may be said at now, and if so takes note that it is. One without a key always may.
func (c *core) notice(n *store.Notice, now int64) (bool, error) {
	if n == nil || len(n.Pieces) == 0 {
		return false, nil
	}
	if n.Key == "" {
		return true, nil
	}
	r, err := c.one("SELECT said FROM notice WHERE key = ?", n.Key)
	if err != nil {
		return false, err
	}
	if every := n.Every.Microseconds(); r != nil && now < r.int(0)+every && r.int(0)-now <= every {
		return false, nil
	}
	_, err = c.exec(`INSERT INTO notice (key, said, every) VALUES (?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET said = excluded.said, every = excluded.every`, n.Key, now, n.Every.Microseconds())
	return err == nil, err
}
