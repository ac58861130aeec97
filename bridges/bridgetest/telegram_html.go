package bridgetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// htmlKinds are the tags of Telegram's HTML and the entities that they make; "a", "span", "pre", "code" and "tg-emoji" need more care.
var htmlKinds = map[string]string{
	"b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline", "s": "strikethrough",
	"strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler", "span": "spoiler", "blockquote": "blockquote",
	"a": "text_link", "pre": "pre", "code": "code", "tg-emoji": "custom_emoji",
}

// htmlTag is a tag that is open.
type htmlTag struct {
	name       string
	arg        string // the attribute that counts: href, language, emoji id
	expandable bool   // blockquote
	offset     int    // in UTF-16 units of the visible text
	start      int    // in bytes of it
}

// htmlParser reads Telegram's HTML strictly: what Telegram refuses it refuses in the same words.
type htmlParser struct {
	in       string
	pos      int
	out      strings.Builder
	units    int // of out, in UTF-16
	open     []htmlTag
	entities []wireEntity

	surrogate bool // half of a surrogate pair was written as a character reference
}

// parseHTML returns the visible text and its entities. The error is what Telegram says after "can't parse entities: ".
func parseHTML(in string) (string, []wireEntity, error) {
	p := &htmlParser{in: in}
	for p.pos < len(in) {
		var err error
		switch {
		case strings.HasPrefix(in[p.pos:], "</"):
			err = p.endTag()
		case in[p.pos] == '<':
			err = p.startTag()
		default:
			p.char()
		}
		if err != nil {
			return "", nil, err
		}
	}
	if n := len(p.open); n > 0 {
		return "", nil, entityErrorf("Can't find end tag corresponding to start tag \"%s\"", p.open[n-1].name)
	}
	if p.surrogate {
		return "", nil, entityErrorf("Text contains invalid Unicode characters after decoding HTML entities, " +
			"check for unmatched surrogate code units")
	}
	for i := range p.entities { // only <pre> has a language in the end
		if e := &p.entities[i]; e.Type == "code" {
			e.Language = ""
		}
	}
	slices.SortStableFunc(p.entities, func(a, b wireEntity) int {
		if a.Offset != b.Offset {
			return a.Offset - b.Offset
		}
		return b.Length - a.Length
	})
	return p.out.String(), p.entities, nil
}

// entityError is in Telegram's words.
type entityError string

// Error implements error.
func (e entityError) Error() string { return string(e) }

func entityErrorf(format string, args ...any) error { return entityError(fmt.Sprintf(format, args...)) }

// char copies a character, decoded when it is written as an HTML entity.
func (p *htmlParser) char() {
	if p.in[p.pos] == '&' {
		if r, n := decodeEntity(p.in[p.pos:]); n > 0 {
			p.put(r)
			p.pos += n
			return
		}
	}
	r, n := utf8.DecodeRuneInString(p.in[p.pos:])
	p.put(r)
	p.pos += n
}

func (p *htmlParser) put(r rune) {
	p.surrogate = p.surrogate || utf16.IsSurrogate(r)
	p.out.WriteRune(r)
	p.units += max(1, utf16.RuneLen(r))
}

// decodeEntity decodes what s begins with and returns its length, 0 when Telegram leaves it as it stands.
func decodeEntity(s string) (rune, int) {
	end := 1
	var r rune
	if strings.HasPrefix(s, "&#") {
		base := 10
		if end = 2; strings.HasPrefix(s[2:], "x") {
			base, end = 16, 3
		}
		start := end
		for end < len(s) && strings.IndexByte("0123456789abcdefABCDEF"[:base+6*(base/16)], s[end]) >= 0 {
			end++
		}
		n, err := strconv.ParseInt(s[start:end], base, 32)
		if err != nil || n == 0 || n >= 0x10ffff || end >= 10 {
			return 0, 0
		}
		r = rune(n)
	} else {
		for end < len(s) && isLetter(s[end]) {
			end++
		}
		var ok bool
		if r, ok = map[string]rune{"lt": '<', "gt": '>', "amp": '&', "quot": '"'}[s[1:end]]; !ok {
			return 0, 0
		}
	}
	if end < len(s) && s[end] == ';' {
		end++
	}
	return r, end
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isSpace(c byte) bool  { return c == ' ' || '\t' <= c && c <= '\r' || c == 0 }

// at returns the byte at the position, 0 at the end of the text, which also counts as a space.
func (p *htmlParser) at() byte {
	if p.pos < len(p.in) {
		return p.in[p.pos]
	}
	return 0
}

func (p *htmlParser) skipSpaces() {
	for p.pos < len(p.in) && isSpace(p.in[p.pos]) {
		p.pos++
	}
}

// word reads up to a space, the end, or one of the stop bytes.
func (p *htmlParser) word(stop string) string {
	start := p.pos
	for !isSpace(p.at()) && strings.IndexByte(stop, p.at()) < 0 {
		p.pos++
	}
	return p.in[start:p.pos]
}

func (p *htmlParser) startTag() error {
	begin := p.pos
	p.pos++
	name := strings.ToLower(p.word(">"))
	if p.at() == 0 {
		return entityErrorf("Unclosed start tag at byte offset %d", begin)
	}
	if htmlKinds[name] == "" {
		return entityErrorf("Unsupported start tag \"%s\" at byte offset %d", name, begin)
	}
	tag := htmlTag{name: name, offset: p.units, start: p.out.Len()}
	for p.at() != '>' {
		p.skipSpaces()
		if p.at() == '>' {
			break
		}
		if err := p.attribute(&tag, begin); err != nil {
			return err
		}
	}
	p.pos++
	if name == "span" && tag.arg != "spoiler" {
		return entityErrorf("Tag \"span\" must have class \"tg-spoiler\" at byte offset %d", begin)
	}
	p.open = append(p.open, tag)
	return nil
}

// attribute reads name=value, or a name alone, into the tag.
func (p *htmlParser) attribute(tag *htmlTag, begin int) error {
	attr := p.word("=>")
	if attr == "" {
		return entityErrorf("Empty attribute name in the tag \"%s\" at byte offset %d", tag.name, begin)
	}
	p.skipSpaces()
	if p.at() == 0 {
		return entityErrorf("Unclosed start tag \"%s\" at byte offset %d", tag.name, begin)
	}
	if p.at() != '=' {
		tag.set(attr, "")
		return nil
	}
	p.pos++
	p.skipSpaces()
	if p.at() == 0 {
		return entityErrorf("Unclosed start tag \"%s\" at byte offset %d", tag.name, begin)
	}
	value, err := p.value()
	if err != nil {
		return err
	}
	if p.at() == 0 {
		return entityErrorf("Unclosed start tag at byte offset %d", begin)
	}
	tag.set(attr, value)
	return nil
}

// value reads a quoted string or a name token.
func (p *htmlParser) value() (string, error) {
	start := p.pos
	quote := p.at()
	if quote != '"' && quote != '\'' {
		for c := p.at(); isLetter(c) || '0' <= c && c <= '9' || c == '.' || c == '-'; c = p.at() {
			p.pos++
		}
		if !isSpace(p.at()) && p.at() != '>' {
			return "", entityErrorf("Unexpected end of name token at byte offset %d", start)
		}
		return strings.ToLower(p.in[start:p.pos]), nil
	}
	var v strings.Builder
	for p.pos++; p.pos < len(p.in) && p.in[p.pos] != quote; {
		if r, n := decodeEntity(p.in[p.pos:]); p.in[p.pos] == '&' && n > 0 {
			v.WriteRune(r)
			p.pos += n
			continue
		}
		v.WriteByte(p.in[p.pos])
		p.pos++
	}
	if p.at() == quote {
		p.pos++
	}
	return v.String(), nil
}

// set keeps the attributes that count and ignores the rest, as Telegram does.
func (t *htmlTag) set(attr, value string) {
	switch {
	case t.name == "a" && attr == "href", t.name == "tg-emoji" && attr == "emoji-id":
		t.arg = value
	case t.name == "code" && attr == "class" && strings.HasPrefix(value, "language-"):
		t.arg = value[len("language-"):]
	case t.name == "span" && attr == "class" && strings.HasPrefix(value, "tg-"):
		t.arg = value[len("tg-"):]
	case t.name == "blockquote" && attr == "expandable":
		t.expandable = true
	}
}

func (p *htmlParser) endTag() error {
	begin := p.pos
	if len(p.open) == 0 {
		return entityErrorf("Unexpected end tag at byte offset %d", begin)
	}
	p.pos += 2
	name := strings.ToLower(p.word(">"))
	p.skipSpaces()
	if p.at() != '>' {
		return entityErrorf("Unclosed end tag at byte offset %d", begin)
	}
	p.pos++
	tag := p.open[len(p.open)-1]
	if name != "" && name != tag.name {
		return entityErrorf("Unmatched end tag at byte offset %d, expected \"</%s>\", found \"</%s>\"", begin, tag.name, name)
	}
	p.open = p.open[:len(p.open)-1]
	if p.units == tag.offset {
		return nil // an empty entity shows nothing
	}
	return p.close(tag)
}

// close turns a closed tag into an entity.
func (p *htmlParser) close(tag htmlTag) error {
	e := wireEntity{Type: htmlKinds[tag.name], Offset: tag.offset, Length: p.units - tag.offset}
	switch tag.name {
	case "a":
		if e.URL = tag.arg; e.URL == "" {
			e.URL = p.out.String()[tag.start:]
		}
		if !linkable(e.URL) {
			return nil
		}
	case "tg-emoji":
		if id, err := strconv.ParseInt(tag.arg, 10, 64); err != nil || id == 0 {
			return entityErrorf("Invalid custom emoji identifier specified")
		}
		e.EmojiID = tag.arg
	case "code":
		e.Language = tag.arg
		if last := p.sameSpan(e, "pre"); last != nil && tag.arg != "" {
			last.Language = tag.arg
			return nil
		}
	case "pre":
		if last := p.sameSpan(e, "code"); last != nil && last.Language != "" {
			last.Type = "pre"
			return nil
		}
	case "blockquote":
		if tag.expandable {
			e.Type = "expandable_blockquote"
		}
	}
	p.entities = append(p.entities, e)
	return nil
}

// sameSpan returns the last entity when it is of the kind and covers exactly what e does: <pre><code> is one entity.
func (p *htmlParser) sameSpan(e wireEntity, kind string) *wireEntity {
	if n := len(p.entities); n > 0 {
		if last := &p.entities[n-1]; last.Type == kind && last.Offset == e.Offset && last.Length == e.Length {
			return last
		}
	}
	return nil
}

// linkable says whether Telegram makes a link of the address; other text stays, without the link.
func linkable(url string) bool {
	low := strings.ToLower(url)
	for _, scheme := range []string{"http://", "https://", "tg://", "ton://", "tonsite://", "mailto:", "tel:"} {
		if strings.HasPrefix(low, scheme) {
			return true
		}
	}
	host, _, _ := strings.Cut(low, "/")
	return strings.Contains(host, ".") && !strings.ContainsAny(host, " :")
}
