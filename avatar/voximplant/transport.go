package voximplant

import (
	"context"
	"time"

	"avatarbridge/avatar"
)

// transport is one of the service's two ways to talk with an avatar. Its methods may be called by many goroutines; their errors are outcomes without
// a secret in them.
type transport interface {
	// ask sends one utterance, and makes no retry of its own beyond renewing a token once. Nil means that the service has taken it. What the avatar
	// says before ask returns may be said with say, what it says later with the turn's Later.
	ask(ctx context.Context, t avatar.Turn, say avatar.Speaker) error
	// end tells the service that a conversation is over. Nil also when the service does not know it.
	end(ctx context.Context, conversation string) error
	// patience is how long a conversation's next turn waits for a reply to the one before; 0 when every reply is said before ask returns.
	patience() time.Duration
	// close ends the connections and waits for what was started. It is called once, after the last ask and end have returned.
	close() error
}
