package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode/utf8"

	"avatarbridge/store"
)

// Export is described in the contract. store.ErrNotFound means that nobody has the uid. A body that is neither JSON nor text stands in base64.
func (s *Store) Export(ctx context.Context, uid string, w io.Writer) error {
	return s.read(ctx, func(c *conn) error {
		r, err := c.one("SELECT id FROM person WHERE uid = ?", uid)
		if err != nil {
			return err
		}
		if r == nil {
			return store.ErrNotFound
		}
		return c.export(ctx, r.int(0), w)
	})
}

// A list is a part of an export: rows of ?1, the person, as JSON objects with the names as keys.
type list struct {
	name  string
	keys  []string
	query string
}

const (
	theirs      = "(person = ?1 OR conversation IN (SELECT id FROM conversation WHERE person = ?1 AND person > 0))"
	theirAnswer = "(" + theirs + " OR turn_id IN (SELECT id FROM turn WHERE person = ?1))"
)

var lists = []list{
	{"conversations", []string{"uid", "generation", "account", "avatar", "channel", "thread", "direct", "memory", "memory_uid"},
		`SELECT c.uid, c.generation, a.text, v.text, c.channel, c.thread, c.direct, c.memory, c.memory_uid FROM conversation c
		JOIN name a ON a.id = c.account JOIN name v ON v.id = c.avatar WHERE c.person = ?1 AND c.person > 0 ORDER BY c.id`},
	{"memories", []string{"uid", "kind", "account", "channel", "thread"},
		"SELECT m.uid, m.kind, a.text, m.channel, m.thread FROM memory m JOIN name a ON a.id = m.account WHERE m.person = ?1 ORDER BY m.id"},
	{"turns", []string{"id", "event_key", "state", "accepted", "attempts", "body", "draft", "unsaid"},
		"SELECT id, key, state, accepted, attempts, body, draft, unsaid FROM turn WHERE " + theirs + " ORDER BY row"},
	{"posts", []string{"id", "sent_id", "state", "created", "attempts", "body"},
		"SELECT id, sent_id, state, created, attempts, body FROM post WHERE " + theirAnswer + " ORDER BY id"},
	{"transcript", []string{"at", "body"}, "SELECT at, body FROM memo WHERE " + theirs + " ORDER BY id"},
	{"feed", []string{"at", "body"}, "SELECT at, body FROM feed WHERE " + theirAnswer + " ORDER BY id"},
	{"dead_letters", []string{"id", "what", "reason", "at", "unclear"},
		`SELECT id, iif(post, 'post', 'turn'), reason, at, unclear FROM dead WHERE (post = 0 AND row IN (SELECT row FROM turn WHERE ` + theirs + `))
		OR (post = 1 AND row IN (SELECT id FROM post WHERE ` + theirAnswer + `)) ORDER BY id`},
}

func (c *conn) export(ctx context.Context, id int64, w io.Writer) error {
	p, err := c.personByID(id)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, "{\n\"person\": "); err != nil {
		return err
	}
	if err := write(w, map[string]any{
		"uid": p.UID, "name": p.Name, "first_seen": p.FirstSeen, "last_seen": p.LastSeen, "identities": identities(p),
	}); err != nil {
		return err
	}
	for _, l := range lists {
		if err := c.exportList(ctx, &l, id, w); err != nil {
			return err
		}
	}
	if err := c.exportCounters(p, w); err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n}\n")
	return err
}

// exportList writes rows as they come: a person may have more than fits into memory.
func (c *conn) exportList(ctx context.Context, l *list, person int64, w io.Writer) error {
	if _, err := fmt.Fprintf(w, ",\n%q: [", l.name); err != nil {
		return err
	}
	between := "\n"
	if err := c.each(func(r row) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		object := map[string]any{}
		for i, k := range l.keys {
			object[k] = exported(k, r[i])
		}
		if _, err := io.WriteString(w, between); err != nil {
			return err
		}
		between = ",\n"
		return write(w, object)
	}, l.query, person); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n]")
	return err
}

func identities(p store.Person) []map[string]string {
	all := make([]map[string]string, len(p.Identities))
	for i, id := range p.Identities {
		all[i] = map[string]string{"platform": id.Platform, "tenant": id.Tenant, "user": id.User}
	}
	return all
}

// exportCounters writes the counters and notices that name one of the person's ids. A counter counts from its time on for as long as its
// window is.
func (c *conn) exportCounters(p store.Person, w io.Writer) error {
	counters, notices := []map[string]any{}, []map[string]any{}
	if err := c.each(func(r row) error {
		if !slices.ContainsFunc(p.Identities, func(i store.Identity) bool { return names(r.text(0), i.User) }) {
			return nil
		}
		one := map[string]any{"key": r.text(0), "at": moment(r.int(1))}
		if every := r.int(3); every > 0 {
			one["count"], one["window_seconds"] = r.int(2), float64(every)/1e6
			counters = append(counters, one)
		} else {
			notices = append(notices, one)
		}
		return nil
	}, "SELECT key, opened, n, every FROM counter UNION ALL SELECT key, said, 1, 0 FROM notice"); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		rows []map[string]any
	}{{"counters", counters}, {"notices", notices}} {
		if _, err := fmt.Fprintf(w, ",\n%q: ", part.name); err != nil {
			return err
		}
		if err := write(w, part.rows); err != nil {
			return err
		}
	}
	return nil
}

var states = [...]string{"waiting", "over", "dead"}

// exported gives a column its readable form.
func exported(key string, v any) any {
	n, isInt := v.(int64)
	switch {
	case key == "state" && isInt && int(n) < len(states):
		return states[n]
	case (key == "accepted" || key == "created" || key == "at") && isInt:
		return moment(n).Format(time.RFC3339Nano)
	case (key == "direct" || key == "unclear" || key == "unsaid") && isInt:
		return n != 0
	}
	b, ok := v.([]byte)
	switch {
	case !ok:
		return v
	case json.Valid(b):
		return json.RawMessage(b)
	case utf8.Valid(b):
		return string(b)
	}
	return b // encoding/json makes base64 of it
}

func write(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}
