package config

import _ "embed"

// Default is the document that the program uses without a configuration file, and that `init` writes: it starts with no account.
//
//go:embed default.toml
var Default []byte
