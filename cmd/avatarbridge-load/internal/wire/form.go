package wire

import (
	"bytes"
	"net/url"
)

// Field returns a parameter of a form, whose name is given with the sign behind it: "chat_id=". It is "" when there is none such.
func Field(form []byte, name string) string {
	for part := range bytes.SplitSeq(form, []byte("&")) {
		if v, ok := bytes.CutPrefix(part, []byte(name)); ok {
			if s, err := url.QueryUnescape(string(v)); err == nil {
				return s
			}
		}
	}
	return ""
}

// Between returns what stands behind one mark and before the next other one, nil when there is no such thing.
func Between(b []byte, from, to string) []byte {
	_, rest, ok := bytes.Cut(b, []byte(from))
	if !ok {
		return nil
	}
	in, _, ok := bytes.Cut(rest, []byte(to))
	if !ok {
		return nil
	}
	return in
}
