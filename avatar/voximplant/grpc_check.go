package voximplant

import (
	"context"

	"avatarbridge/bridges/fault"
)

// check logs in, and says no word.
func (g *grpcTransport) check(ctx context.Context) fault.Finding {
	e, err := g.door.login(ctx)
	if err != nil {
		return finding("no login over gRPC", err, "see whether the avatar API can be reached from here; if it is at a private address of your own, set allow_private = true")
	}
	g.door.leave(e.link)
	return fault.Finding{OK: true, What: "login accepted by " + e.link.address + " over gRPC; whether avatar_id is right is seen with the first message"}
}
