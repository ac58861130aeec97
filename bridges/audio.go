package bridges

import "strings"

// Way is what can be done with the sound of a reply: what its route wants and, where that is a link but there is none to show and nothing
// else of the reply either (alone), to send the file. Off when a is nil.
func (a *Audio) Way(alone bool) AudioMode {
	switch {
	case a == nil || a.Mode == AudioOff:
		return AudioOff
	case a.Mode == AudioNative || a.Mode == AudioFile:
		return a.Mode
	case strings.HasPrefix(a.Link, "https://") || strings.HasPrefix(a.Link, "http://"):
		return AudioLink
	case alone && a.Source != "":
		return AudioFile
	}
	return AudioOff
}
