package markup

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
)

// A flattener collects the spans of one block.
type flattener struct {
	src    []byte
	marker *string
	spans  []Span
}

func (f *flattener) add(s Span, text string) {
	s.Text = text
	f.spans = append(f.spans, s)
}

// children adds what n holds in the style of s.
func (f *flattener) children(n ast.Node, s Span) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		f.inline(c, s)
	}
}

func (f *flattener) inline(n ast.Node, s Span) {
	switch n := n.(type) {
	case *ast.Text:
		f.text(n, s)
	case *ast.String:
		f.add(s, string(n.Value))
	case *ast.CodeSpan:
		f.codeSpan(n, s)
	case *ast.Emphasis:
		if n.Level > 1 {
			s.Style |= Bold
		} else {
			s.Style |= Italic
		}
		f.children(n, s)
	case *east.Strikethrough:
		s.Style |= Strike
		f.children(n, s)
	case *ast.Link:
		f.link(n, plainText(n.Destination), s)
	case *ast.Image:
		f.link(n, plainText(n.Destination), s)
	case *ast.AutoLink:
		label, dest := string(n.Label(f.src)), string(n.URL(f.src))
		if n.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(dest, "mailto:") {
			dest = "mailto:" + dest
		}
		if s.Link == "" && Linkable(dest) {
			s.Link = dest
		}
		f.add(s, label)
	case *east.TaskCheckBox:
		*f.marker = "☐"
		if n.IsChecked {
			*f.marker = "☑"
		}
	default:
		f.children(n, s)
	}
}

func (f *flattener) text(n *ast.Text, s Span) {
	raw := n.Segment.Value(f.src)
	if n.IsRaw() {
		f.add(s, string(raw))
	} else {
		f.add(s, plainText(raw))
	}
	if n.SoftLineBreak() || n.HardLineBreak() {
		f.add(s, "\n")
	}
}

// codeSpan adds code as it stands; a line break in it counts as a space.
func (f *flattener) codeSpan(n *ast.CodeSpan, s Span) {
	var b bytes.Buffer
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Segment.Value(f.src))
		}
	}
	s.Style |= Mono
	f.add(s, strings.ReplaceAll(b.String(), "\n", " "))
}

// link adds a link's or an image's text, and the destination as text where it can be no link.
func (f *flattener) link(n ast.Node, dest string, s Span) {
	from, ok := len(f.spans), Linkable(dest)
	outer := s.Link
	if ok && outer == "" {
		s.Link = dest
	}
	f.children(n, s)
	shown := false
	for _, t := range f.spans[from:] {
		shown = shown || !Blank(t.Text)
	}
	switch {
	case !shown:
		f.spans = f.spans[:from]
		f.add(s, dest)
	case dest != "" && (!ok || outer != ""):
		f.add(Span{Style: s.Style &^ Mono, Link: outer}, " ("+dest+")")
	}
}

// maxLink bounds a link's URL, so that each fits into a message; a longer one is shown as text.
const maxLink = 1500

// Linkable reports whether a platform may be told that dest is a link: a URL of the web or a mail address, of bounded length.
func Linkable(dest string) bool {
	if len(dest) > maxLink || strings.ContainsAny(dest, " \n\t<>\"`") {
		return false
	}
	u, err := url.Parse(dest)
	if err != nil {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
		return u.Host != ""
	case "mailto":
		return u.Opaque != ""
	}
	return false
}
