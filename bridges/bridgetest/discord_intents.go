package bridgetest

// Intents of the gateway; see "List of Intents" in the documentation.
const (
	intentGuilds         = 1 << 0
	intentGuildMembers   = 1 << 1 // privileged
	intentPresences      = 1 << 8 // privileged
	intentGuildMessages  = 1 << 9
	intentGuildTyping    = 1 << 11
	intentDirectMessages = 1 << 12
	intentDirectTyping   = 1 << 14
	intentMessageContent = 1 << 15 // privileged

	intentsAll = 1<<17 - 1 | 1<<20 | 1<<21 | 1<<24 | 1<<25
)

// checkIntents returns the close code for intents that a bot may not ask for, 0 when it may.
func (b *DiscordBot) checkIntents(asked *int64) int {
	switch {
	case asked == nil || *asked < 0 || *asked&^intentsAll != 0:
		return closeInvalidIntents
	case *asked&intentGuildMembers != 0 && !b.guildMembers,
		*asked&intentPresences != 0 && !b.presences,
		*asked&intentMessageContent != 0 && !b.messageContent:
		return closeDisallowedIntents
	}
	return 0
}

// Close codes of the gateway; see "Gateway Close Event Codes" in the documentation.
const (
	closeUnknownError      = 4000
	closeUnknownOpcode     = 4001
	closeDecodeError       = 4002
	closeNotAuthenticated  = 4003
	closeAuthFailed        = 4004
	closeAlreadyIdentified = 4005
	closeInvalidSeq        = 4007
	closeRateLimited       = 4008
	closeInvalidShard      = 4010
	closeShardingRequired  = 4011
	closeInvalidVersion    = 4012
	closeInvalidIntents    = 4013
	closeDisallowedIntents = 4014
)

// closeReason is the text that goes with a close code.
func closeReason(code int) string {
	switch code {
	case closeUnknownOpcode:
		return "Unknown opcode."
	case closeDecodeError:
		return "Error while decoding payload."
	case closeNotAuthenticated:
		return "Not authenticated."
	case closeAuthFailed:
		return "Authentication failed."
	case closeAlreadyIdentified:
		return "Already authenticated."
	case closeInvalidSeq:
		return "Invalid seq."
	case closeRateLimited:
		return "Rate limited."
	case 4009:
		return "Session timed out."
	case closeInvalidShard:
		return "Invalid shard."
	case closeShardingRequired:
		return "Sharding required."
	case closeInvalidVersion:
		return "Invalid API version."
	case closeInvalidIntents:
		return "Invalid intent(s)."
	case closeDisallowedIntents:
		return "Disallowed intent(s)."
	}
	return "Unknown error."
}
