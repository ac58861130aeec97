package sqlite

import (
	"context"
	"strings"

	"avatarbridge/store"
)

const peopleQuery = `SELECT p.id, p.uid, p.name, p.first_seen, p.last_seen,
	(SELECT count(*) FROM conversation c WHERE c.person = p.id AND c.person > 0 AND c.live = 1) FROM person p `

// People is described in the contract. LastSeen is kept to the minute.
func (s *Store) People(ctx context.Context, skip, n int) ([]store.Person, error) {
	var people []store.Person
	err := s.read(ctx, func(c *conn) error {
		rows, err := c.all(peopleQuery+"ORDER BY p.last_seen DESC, p.id DESC LIMIT ? OFFSET ?", int64(max(n, 0)), int64(skip))
		for _, r := range rows {
			p, err := c.scanPerson(r)
			if err != nil {
				return err
			}
			people = append(people, p)
		}
		return err
	})
	return people, err
}

// Person is described in the contract.
func (s *Store) Person(ctx context.Context, ref string) (p store.Person, err error) {
	err = s.read(ctx, func(c *conn) error {
		id, err := c.personID(ref)
		if err != nil {
			return err
		}
		p, err = c.personByID(id)
		return err
	})
	return p, err
}

func (c *conn) personByID(id int64) (store.Person, error) {
	r, err := c.one(peopleQuery+"WHERE p.id = ?", id)
	if err != nil {
		return store.Person{}, err
	}
	if r == nil {
		return store.Person{}, store.ErrNotFound
	}
	return c.scanPerson(r)
}

// scanPerson reads the columns of peopleQuery.
func (c *conn) scanPerson(r row) (store.Person, error) {
	p := store.Person{UID: r.text(1), Name: r.text(2), FirstSeen: moment(r.int(3)), LastSeen: moment(r.int(4)), Conversations: int(r.int(5))}
	err := c.each(func(i row) error {
		p.Identities = append(p.Identities, store.Identity{Platform: i.text(0), Tenant: i.text(1), User: i.text(2)})
		return nil
	}, "SELECT platform, tenant, user FROM identity WHERE person = ? ORDER BY platform, tenant, user", r.int(0))
	return p, err
}

// personID resolves a uid, "platform:user" or "platform:tenant:user"; a user's id may have colons in it.
func (c *conn) personID(ref string) (int64, error) {
	r, err := c.one("SELECT id FROM person WHERE uid = ?", ref)
	if err != nil {
		return 0, err
	}
	platform, rest, _ := strings.Cut(ref, ":")
	for tenant, user := "", rest; r == nil; {
		if r, err = c.one("SELECT person FROM identity WHERE platform = ? AND tenant = ? AND user = ?", platform, tenant, user); err != nil {
			return 0, err
		}
		if tenant != "" || r != nil {
			break
		}
		if tenant, user, _ = strings.Cut(rest, ":"); tenant == "" || user == "" {
			break
		}
	}
	if r == nil {
		return 0, store.ErrNotFound
	}
	return r.int(0), nil
}
