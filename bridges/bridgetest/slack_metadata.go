package bridgetest

import (
	"encoding/json"
)

// readSlackMetadata checks metadata; nothing sent is none. The empty object, which removes metadata in an update, is remove.
func readSlackMetadata(raw string) (m *slackMetadata, remove bool, refused *slackAnswer) {
	if raw == "" || raw == "null" {
		return nil, false, nil
	}
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(raw), &object) != nil {
		return nil, false, slackFailure("invalid_metadata_format")
	}
	if len(object) == 0 {
		return nil, true, nil
	}
	m = &slackMetadata{}
	var payload map[string]json.RawMessage
	if json.Unmarshal([]byte(raw), m) != nil || m.EventType == "" || json.Unmarshal(m.EventPayload, &payload) != nil || payload == nil {
		return nil, false, slackFailure("invalid_metadata_format")
	}
	return m, false, nil
}
