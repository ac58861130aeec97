package echo

import "strings"

// A trick is what the echo does when one of its words is all that it hears.
type trick struct {
	words   []string
	text    string
	emotion string
	chimes  bool // it plays a melody instead of mumbling
}

var tricks = []trick{
	{words: []string{"help", "what can you do"}, emotion: "joy", text: `I am an **echo**: I say back what I hear, with a feeling, and ask no service for it. You can write me

- anything, and I say it back
- something *sad*, *angry* or *scary*, or a question, and hear how I take it
- **joy**, and I play you a tune
- **code**, and I show you some
- **bye**, and we begin anew`},
	{words: []string{"code", "show me code", "show me some code"}, emotion: "neutral", text: "This is nearly all of me:\n\n" + "```go" + `
// Echo says back what it hears.
func Echo(heard string) string {
	if strings.HasSuffix(heard, "?") {
		return "A good question! " + heard
	}
	return heard
}
` + "```" + "\n\nThe rest is `feeling`."},
	{words: []string{"joy", "sing", "music"}, emotion: "joy", chimes: true,
		text: "**Joy!** Here is a small tune for you:\n\n> ♪ *the canyon rings,*\n> ♪ *and all its echoes sing* ♪"},
}

// trickFor finds the trick that is meant, nil if there is none.
func trickFor(heard string) *trick {
	if len(heard) > 40 {
		return nil
	}
	said := strings.Trim(strings.ToLower(heard), " \t\r\n/.,!?¡¿\"'“”")
	for i := range tricks {
		for _, w := range tricks[i].words {
			if said == w {
				return &tricks[i]
			}
		}
	}
	return nil
}
