package relay

import "time"

// SetJitter makes what is random in the relay's patience the same at every run.
func (c *Config) SetJitter(jitter func(limit time.Duration) time.Duration) { c.jitter = jitter }
