package markup

import "strings"

// The bounds of what is read as Markdown. The parser is linear except in the ways that hostile looks for; each bound keeps what it
// bounds below some tenths of a second.
const (
	maxMarkdown   = 1 << 18    // bytes
	maxContainers = 100        // quotes and items that one line opens
	maxOpenLines  = 400_000    // lines times the quotes and items that one of them opens
	maxDelimiters = 16_000_000 // sum over paragraphs of the square of the runs of * _ ~
	maxLinkScans  = 50_000_000 // sum over paragraphs of bytes times beginnings of a link
)

// hostile reports whether s would take much longer to parse than its size lets expect.
func hostile(s string) bool {
	if len(s) > maxMarkdown {
		return true
	}
	delimiters, links := 0, 0
	for p := range strings.SplitSeq(s, "\n\n") {
		runs := delimiterRuns(p)
		delimiters += runs * runs
		links += len(p) * strings.Count(p, "](")
	}
	if delimiters > maxDelimiters || links > maxLinkScans {
		return true
	}
	lines, deepest := 0, 0
	for line := range strings.Lines(s) {
		lines++
		deepest = max(deepest, containers(line))
	}
	return deepest > maxContainers || lines*deepest > maxOpenLines
}

// delimiterRuns counts the runs of characters that may open or close emphasis.
func delimiterRuns(p string) int {
	runs, last := 0, byte(0)
	for i := range len(p) {
		c := p[i]
		if (c == '*' || c == '_' || c == '~') && c != last {
			runs++
		}
		last = c
	}
	return runs
}

// containers counts the quotes and list items that line may open.
func containers(line string) int {
	n := 0
	for i := range len(line) {
		switch c := line[i]; c {
		case '>':
			n++
		case '-', '+', '*', '.', ')':
			if i+1 == len(line) || strings.IndexByte(" \t\n", line[i+1]) >= 0 {
				n++
			}
		case ' ', '\t', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		default:
			return n
		}
	}
	return n
}
