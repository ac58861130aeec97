package bridges_test

import (
	"testing"

	"avatarbridge/bridges"
)

func TestTheSoundOfAReplyIsWhatItsRouteWantsOrTheFileWhereNothingElseIsShown(t *testing.T) {
	const link, own = "https://example.com/a.mp3", "media:1"
	for name, c := range map[string]struct {
		audio *bridges.Audio
		alone bool
		want  bridges.AudioMode
	}{
		"no sound":                {nil, true, bridges.AudioOff},
		"off":                     {&bridges.Audio{Source: own, Link: link, Mode: bridges.AudioOff}, true, bridges.AudioOff},
		"native":                  {&bridges.Audio{Source: own, Link: link, Mode: bridges.AudioNative}, false, bridges.AudioNative},
		"file":                    {&bridges.Audio{Source: own, Link: link, Mode: bridges.AudioFile}, false, bridges.AudioFile},
		"link":                    {&bridges.Audio{Source: own, Link: link, Mode: bridges.AudioLink}, true, bridges.AudioLink},
		"no mode":                 {&bridges.Audio{Source: own, Link: link}, false, bridges.AudioLink},
		"no link, beside a text":  {&bridges.Audio{Source: own}, false, bridges.AudioOff},
		"no link, nothing beside": {&bridges.Audio{Source: own}, true, bridges.AudioFile},
		"a link that is none":     {&bridges.Audio{Source: own, Link: "javascript:alert(1)"}, false, bridges.AudioOff},
		"nothing to send":         {&bridges.Audio{}, true, bridges.AudioOff},
	} {
		if got := c.audio.Way(c.alone); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
