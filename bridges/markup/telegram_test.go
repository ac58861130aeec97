package markup_test

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"

	"avatarbridge/bridges/markup"
)

// seen is what Telegram makes of HTML: the text, and for each of its runes the tags around it.
type seen struct {
	text  strings.Builder
	tags  [][]string
	links int
}

var tagForm = regexp.MustCompile(`^(/?)(b|i|u|s|a|code|pre|blockquote)((?: href="(https?://[^"<>]+)")|(?: class="language-[A-Za-z0-9+#._-]+"))?$`)

// readHTML reads HTML as strictly as Telegram's documentation words its rules.
func readHTML(s string) (*seen, error) {
	var v seen
	var open []string
	for s != "" {
		if s[0] != '<' {
			n := strings.IndexByte(s+"<", '<')
			if err := v.add(s[:n], open); err != nil {
				return nil, err
			}
			s = s[n:]
			continue
		}
		end := strings.IndexByte(s, '>')
		if end < 0 {
			return nil, fmt.Errorf("unclosed start tag")
		}
		tag := tagForm.FindStringSubmatch(s[1:end])
		s = s[end+1:]
		switch {
		case tag == nil:
			return nil, fmt.Errorf("unsupported tag")
		case tag[1] == "/":
			if len(open) == 0 || open[len(open)-1] != tag[2] || tag[3] != "" {
				return nil, fmt.Errorf("unmatched end tag %q with %q open", tag[2], open)
			}
			open = open[:len(open)-1]
		default:
			if err := mayOpen(tag, open); err != nil {
				return nil, err
			}
			if tag[2] == "a" || tag[2] == "code" || tag[2] == "pre" {
				v.links++
			}
			open = append(slices.Clone(open), tag[2])
		}
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("%q left open", open)
	}
	return &v, nil
}

func mayOpen(tag, open []string) error {
	name := tag[2]
	switch {
	case (name == "a") != strings.HasPrefix(tag[3], " href"), strings.HasPrefix(tag[3], " class") && name != "code":
		return fmt.Errorf("wrong attributes of %q", name)
	case slices.Contains(open, name):
		return fmt.Errorf("%q in itself", name)
	case name == "code" && slices.Equal(open, []string{"pre"}) && tag[3] != "":
		return nil
	case slices.Contains(open, "code"), slices.Contains(open, "pre"):
		return fmt.Errorf("%q in code", name)
	case name == "pre" && len(open) > 0, name == "code" && len(slices.DeleteFunc(slices.Clone(open), isQuote)) > 0:
		return fmt.Errorf("%q in %q", name, open)
	case name == "blockquote" && len(open) > 0:
		return fmt.Errorf("quote in %q", open)
	}
	return nil
}

func isQuote(tag string) bool { return tag == "blockquote" }

var entity = regexp.MustCompile(`&(amp|lt|gt|quot);|&`)

func (v *seen) add(s string, open []string) error {
	for _, e := range entity.FindAllString(s, -1) {
		if e == "&" {
			return fmt.Errorf("an & that is not escaped")
		}
	}
	if strings.Contains(s, ">") {
		return fmt.Errorf("a > that is not escaped")
	}
	s = html.UnescapeString(s)
	v.text.WriteString(s)
	for range s {
		v.tags = append(v.tags, open)
	}
	return nil
}

// inside is the text within tag.
func (v *seen) inside(tag string) string {
	var out strings.Builder
	i := 0
	for _, r := range v.text.String() {
		if slices.Contains(v.tags[i], tag) {
			out.WriteRune(r)
		}
		i++
	}
	return out.String()
}

// telegramPieces fits text for Telegram and checks each piece.
func telegramPieces(t interface {
	Helper()
	Fatalf(string, ...any)
}, text string) []*seen {
	t.Helper()
	var out []*seen
	for i, p := range markup.Fit(text, markup.Telegram{}) {
		s := markup.Telegram{}.Write(p)
		if len(s) > 1<<15 {
			t.Fatalf("piece %d has %d bytes with its markup, more than Telegram reads", i, len(s))
		}
		v, err := readHTML(s)
		if err != nil {
			t.Fatalf("piece %d: %v in\n%s", i, err, s)
		}
		shown := v.text.String()
		if n := markup.Units(shown); n > 4096 || markup.Blank(shown) || v.links > 100 {
			t.Fatalf("piece %d has %d units, %d links, blank is %v", i, n, v.links, markup.Blank(shown))
		}
		if ping.MatchString(outsideCode(v)) {
			t.Fatalf("piece %d pings: %q", i, shown)
		}
		out = append(out, v)
	}
	return out
}

var ping = regexp.MustCompile(`(^|[^A-Za-z0-9_/.@-])@[A-Za-z0-9_]`)

func outsideCode(v *seen) string {
	var out strings.Builder
	i := 0
	for _, r := range v.text.String() {
		if slices.Contains(v.tags[i], "code") || slices.Contains(v.tags[i], "pre") || slices.Contains(v.tags[i], "a") {
			r = ' '
		}
		out.WriteRune(r)
		i++
	}
	return out.String()
}
