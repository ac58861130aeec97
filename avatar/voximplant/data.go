package voximplant

import (
	"encoding/json"
	"maps"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

// data is what the avatar's scenario is told beside the words. It is sent as a string that holds JSON, unless the operator wants an object.
func (c Config) data(t avatar.Turn) (any, error) {
	all := map[string]any{}
	maps.Copy(all, c.Metadata)
	all["platform"], all["bridge"], all["userUid"] = t.Platform, t.Bridge, t.UserUID
	all["userName"], all["locale"] = t.UserName, t.Locale
	if c.CustomData == "object" {
		return all, nil
	}
	text, err := json.Marshal(all)
	if err != nil {
		return nil, fault.Kill("metadata holds something that JSON cannot: use texts, numbers, booleans, lists and tables", nil)
	}
	return string(text), nil
}
