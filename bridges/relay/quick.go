package relay

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"avatarbridge/bridges"
)

// A quick reader reads the bodies that encode makes of nearly every turn and post: objects of strings, numbers and flat lists, without blanks. What
// else JSON allows it does not know: then ok is false, and the body is for the other decoder. It takes a tenth of that one's time.
type quick struct {
	rest string
	ok   bool
}

// quickly begins to read data. The strings that are read share one copy of it.
func quickly(data []byte) *quick {
	return &quick{string(data), utf8.Valid(data)}
}

// has takes c if it comes next.
func (q *quick) has(c byte) bool {
	if !q.ok || q.rest == "" || q.rest[0] != c {
		return false
	}
	q.rest = q.rest[1:]
	return true
}

func (q *quick) must(c byte) { q.ok = q.has(c) }

// object reads an object, whose members member reads by their names.
func (q *quick) object(member func(name string)) {
	q.must('{')
	for q.ok {
		name := q.text()
		q.must(':')
		if q.ok {
			member(name)
		}
		if !q.has(',') {
			break
		}
	}
	q.must('}')
}

// list reads a list that is not empty.
func (q *quick) list(item func()) {
	q.must('[')
	for q.ok {
		item()
		if !q.has(',') {
			break
		}
	}
	q.must(']')
}

// text reads a string.
func (q *quick) text() string {
	q.must('"')
	for i := 0; q.ok && i < len(q.rest); i++ {
		switch c := q.rest[i]; {
		case c == '"':
			s := q.rest[:i]
			q.rest = q.rest[i+1:]
			return s
		case c == '\\':
			return q.escaped(i)
		case c < ' ':
			q.ok = false
		}
	}
	q.ok = false
	return ""
}

// escaped reads the rest of a string that has a backslash at i.
func (q *quick) escaped(i int) string {
	var b strings.Builder
	for ; i < len(q.rest); i = strings.IndexAny(q.rest, `"\`) {
		if i < 0 || strings.IndexFunc(q.rest[:i], func(r rune) bool { return r < ' ' }) >= 0 {
			break
		}
		b.WriteString(q.rest[:i])
		if q.rest = q.rest[i:]; q.has('"') {
			return b.String()
		}
		r, size := unescape(q.rest)
		if size == 0 {
			break
		}
		b.WriteRune(r)
		q.rest = q.rest[size:]
	}
	q.ok = false
	return ""
}

// unescape reads what s begins with, a backslash and what it stands for; size is 0 for what the reader does not know, such as halves of pairs.
func unescape(s string) (r rune, size int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case 'n':
		return '\n', 2
	case 't':
		return '\t', 2
	case '"', '\\', '/':
		return rune(s[1]), 2
	case 'u':
		if len(s) < 6 {
			return 0, 0
		}
		n, err := strconv.ParseUint(s[2:6], 16, 16)
		if err != nil || n >= 0xd800 && n < 0xe000 {
			return 0, 0
		}
		return rune(n), 6
	}
	return 0, 0
}

// number reads a whole number that is not negative.
func (q *quick) number() int64 {
	i := 0
	for i < len(q.rest) && q.rest[i] >= '0' && q.rest[i] <= '9' {
		i++
	}
	n, err := strconv.ParseInt(q.rest[:i], 10, 64)
	if q.ok = q.ok && err == nil && (i == 1 || q.rest[0] != '0'); !q.ok {
		return 0
	}
	q.rest = q.rest[i:]
	return n
}

// end reports whether all was read and understood.
func (q *quick) end() bool { return q.ok && q.rest == "" }

// quickTurn reads a turn into b; false says that it must be read otherwise.
func quickTurn(data []byte, b *turnBody) bool {
	q := quickly(data)
	q.object(func(name string) {
		switch name {
		case "v":
			b.V = int(q.number())
		case "at":
			b.At = q.number()
		case "within":
			b.Within = nil
			q.list(func() { b.Within = append(b.Within, q.text()) })
		default:
			q.into(b.field(name))
		}
	})
	return q.end()
}

// into reads a string into field; nil is none that is known.
func (q *quick) into(field *string) {
	if field == nil {
		q.ok = false
		return
	}
	*field = q.text()
}

// field is the field of a text that has the name in JSON, nil when there is none.
func (b *turnBody) field(name string) *string {
	switch name {
	case "text":
		return &b.Text
	case "name":
		return &b.Name
	case "locale":
		return &b.Locale
	case "channel":
		return &b.Channel
	case "message":
		return &b.Message
	case "tenant":
		return &b.Tenant
	case "user":
		return &b.User
	case "answer":
		return &b.Answer
	}
	return nil
}

// quickPost reads a post into b; false says that it must be read otherwise.
func quickPost(data []byte, b *postBody) bool {
	q := quickly(data)
	q.object(func(name string) {
		switch name {
		case "v":
			b.V = int(q.number())
		case "channel":
			b.Channel = q.text()
		case "reply_to":
			b.ReplyTo = q.text()
		case "mention":
			b.Mention = q.text()
		case "answer":
			b.Answer = q.text()
		case "forms":
			b.Forms = nil
			q.list(func() { b.Forms = append(b.Forms, q.form()) })
		default:
			q.ok = false
		}
	})
	return q.end()
}

func (q *quick) form() (f bridges.Form) {
	q.object(func(name string) {
		switch name {
		case "kind":
			f.Kind = q.text()
		case "text":
			f.Text = q.text()
		default:
			q.ok = false
		}
	})
	return f
}
