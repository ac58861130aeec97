//go:build !linux

package media

// confine does nothing where a running process cannot be bounded from outside; ffmpeg's own bound on a single allocation remains.
func confine(int, limits) error { return nil }
