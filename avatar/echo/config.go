package echo

import "avatarbridge/bridges/fault"

// Config is the section of one avatar with backend = "echo".
type Config struct {
	Name    string `toml:"-"`    // the section's name
	BotName string `toml:"name"` // for what shows a name; the echo does not use it
	Speech  bool   `toml:"speech"`
	Stream  bool   `toml:"stream"` // a reply grows word by word for a second or so; false says it at once
}

// Default returns the settings that hold where the section has none.
func Default() Config { return Config{Speech: true, Stream: true} }

// Validate returns nil: there is nothing that could be wrong.
func (c Config) Validate() []fault.Setting { return nil }
