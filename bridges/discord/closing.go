package discord

import (
	"errors"
	"fmt"

	"github.com/gorilla/websocket"

	"avatarbridge/bridges/fault"
)

// Close codes of the gateway (https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes).
const (
	closeAuthFailed = 4004
	closeInvalidSeq = 4007
	closeTimedOut   = 4009
)

// final are the close codes after which connecting again is pointless, and what to change.
var final = map[int]string{
	closeAuthFailed: tokenReason,
	4010:            `Discord refuses the number of the shard: set shards = "auto"`,
	4011:            `the bot is in too many servers for its connections: set shards = "auto" (or a larger number) and start again`,
	4012:            "Discord speaks this version of its gateway no more: use a newer version of this program",
	4013:            "Discord knows the intents not that this program asks for: use a newer version of this program",
	4014: `Discord does not let the bot read message contents: switch on "Message Content Intent" at https://discord.com/developers/applications ` +
		`(Bot, Privileged Gateway Intents), or set message_content = false`,
}

// closed reads the code with which the gateway has closed a connection, 0 for none.
func closed(err error) int {
	if e, ok := errors.AsType[*websocket.CloseError](err); ok {
		return e.Code
	}
	return 0
}

// stops is the error of Run for an end after which going on is pointless, nil for any other.
func stops(err error) error {
	code := closed(err)
	if why := final[code]; why != "" {
		return fault.Kill(why, fmt.Errorf("the gateway closed with code %d", code))
	}
	return nil
}

// losesSession reports whether the session cannot be resumed after err.
func losesSession(err error) bool {
	if e, ok := errors.AsType[*invalidSession](err); ok {
		return !e.resumable
	}
	code := closed(err)
	return code == closeInvalidSeq || code == closeTimedOut
}

// lost is how err is told to the operator. What the gateway says beside its code is left out.
func lost(err error) error {
	switch code := closed(err); {
	case code == websocket.CloseAbnormalClosure || code == websocket.CloseNoStatusReceived:
		return errors.New("the connection to Discord broke")
	case code != 0:
		return fmt.Errorf("the gateway closed the connection (code %d)", code)
	}
	return err
}
