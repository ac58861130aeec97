package avatartest

import (
	"bytes"
	"fmt"

	"avatarbridge/avatar"
)

// voicing stands before the words in the sound of a Voiced text: the head of an OGG page and a mark.
const voicing = "OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00said:"

// Voiced is a voice message in which text is said. The simulators hear its words, unless they are scripted to hear others.
func Voiced(text string) *avatar.Voice {
	return &avatar.Voice{Data: []byte(voicing + text), Type: "audio/ogg", Name: "voice.ogg"}
}

// overheard is what the simulators hear in a sound: a sentence about its size if it is not Voiced.
func overheard(sound []byte) string {
	if text, ok := bytes.CutPrefix(sound, []byte(voicing)); ok {
		return string(text)
	}
	return fmt.Sprintf("a voice message of %d bytes", len(sound))
}

// words are what the person wrote or said in a turn.
func words(t avatar.Turn) string {
	if t.Voice != nil {
		return overheard(t.Voice.Data)
	}
	return t.Text
}
