package echo

import (
	"slices"
	"strings"
	"unicode"
)

// feeling is how the echo takes a text. Each phrase opens the sentence that the quoted text ends.
type feeling struct {
	emotion string
	pitch   float64 // of the voice, in Hz
	pace    float64 // seconds a syllable
	rise    float64 // by which factor the pitch changes from the first syllable to the last
	phrases []string
}

// mood is a feeling that a text has if one of these words is in it.
type mood struct {
	feeling
	words []string
}

var (
	neutral = feeling{"neutral", 170, 0.14, 0.85, []string{
		"I heard you, and say it back with all my heart, which is a small echo:",
		"I could not have put it better, and cannot put it otherwise:",
		"Echoing is all I do, but I do it warmly:",
		"Out of the canyon it comes back:",
	}}
	curious = feeling{"surprise", 190, 0.13, 1.45, []string{
		"A good question! I can only ask it back:",
		"You want to know, and so do I now:",
		"Hm, I am an echo and no oracle:",
	}}
	excited = feeling{"joy", 215, 0.11, 1.1, []string{
		"So much energy! Here it comes back:",
		"That bounced off the far wall:",
	}}
	moods = []mood{
		{feeling{"sadness", 135, 0.18, 0.75, []string{
			"Oh dear. I say it back softly:",
			"I am only an echo, but I heard you:",
		}}, []string{"sad", "sorry", "cry", "crying", "lonely", "miss", "lost", "tired", "hurt", "alas"}},
		{feeling{"anger", 150, 0.1, 0.95, []string{
			"Grr! I grumble it with you:",
			"I stamp a very small foot and repeat:",
		}}, []string{"angry", "hate", "furious", "damn", "annoying", "stupid", "mad"}},
		{feeling{"fear", 230, 0.1, 1.2, []string{
			"Eek. In a trembling voice:",
			"I hide behind a rock and whisper:",
		}}, []string{"afraid", "scared", "fear", "scary", "ghost", "spider"}},
		{feeling{"disgust", 145, 0.16, 0.8, []string{
			"Ew. Must I? Very well:",
		}}, []string{"yuck", "ew", "eww", "gross", "disgusting"}},
		{feeling{"joy", 205, 0.12, 1.1, []string{
			"How lovely! I sing it back:",
			"That makes this echo ring:",
		}}, []string{"happy", "love", "great", "thanks", "thank", "hello", "hi", "hey", "good", "nice", "wonderful", "yay", "haha"}},
	}
)

// feel looks for telling words first, then at how the text ends.
func feel(heard string) feeling {
	said := strings.FieldsFunc(strings.ToLower(cut(heard)), func(r rune) bool { return !unicode.IsLetter(r) })
	for _, m := range moods {
		if slices.ContainsFunc(said, func(w string) bool { return slices.Contains(m.words, w) }) {
			return m.feeling
		}
	}
	switch s := strings.TrimSpace(heard); {
	case strings.HasSuffix(s, "?"):
		return curious
	case strings.HasSuffix(s, "!"):
		return excited
	}
	return neutral
}
