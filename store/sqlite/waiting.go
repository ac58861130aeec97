package sqlite

import "context"

// Waiting is described in the contract.
func (s *Store) Waiting(ctx context.Context, account string) (avatars []string, err error) {
	err = s.read(ctx, func(c *conn) error {
		return c.each(func(r row) error { avatars = append(avatars, r.text(0)); return nil },
			`SELECT DISTINCT n.text FROM turn t JOIN name n ON n.id = t.avatar
			WHERE t.state = 0 AND t.account = (SELECT id FROM name WHERE text = ?) ORDER BY n.text`, account)
	})
	return avatars, err
}
