package markup

import (
	"strings"

	"github.com/yuin/goldmark/ast"
)

// code adds a block of code.
func (w *walker) code(text, lang string, c context) {
	w.markerAlone(&c)
	w.add(Block{Kind: Code, Lang: lang, Spans: []Span{{Text: strings.TrimSuffix(text, "\n")}}}, c)
}

// lines is the text between the fences, or of all of an indented block.
func (w *walker) lines(n ast.Node) string {
	var b strings.Builder
	lines := n.Lines()
	for i := range lines.Len() {
		seg := lines.At(i)
		b.Write(seg.Value(w.src))
	}
	return b.String()
}

// fence adds fenced code. Writers put code on the fence's own line, where Markdown has a note that is not shown: what is there besides a
// language becomes the first line.
func (w *walker) fence(n *ast.FencedCodeBlock, c context) {
	text, info := w.lines(n), ""
	if n.Info != nil {
		info = strings.TrimSpace(string(n.Info.Segment.Value(w.src)))
	}
	lang, first := "", info
	if !Blank(text) {
		lang, first = language(info)
	}
	if first != "" {
		text = first + "\n" + text
	}
	w.code(text, lang, c)
}

// maxLanguage is longer than any language's name.
const maxLanguage = 32

// language parts a fence's info into the language and the rest. One word alone is taken for a language if it can be the name of one;
// before other words, which make code of it more likely, only if it is known to be.
func language(info string) (lang, rest string) {
	lang = info
	if i := strings.IndexAny(info, " \t"); i >= 0 {
		lang, rest = info[:i], strings.TrimSpace(info[i:])
	}
	if strings.IndexFunc(lang, notInLanguage) >= 0 || len(lang) > maxLanguage {
		return "", info
	}
	if rest != "" && !strings.Contains(languages, " "+strings.ToLower(lang)+" ") {
		return "", info
	}
	return lang, rest
}

func notInLanguage(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("+#._-", r)
}

// languages are the names that writers put on fences most.
const languages = " asm bash bat c c# c++ clojure cmake cmd console cpp cs csharp css csv dart diff dockerfile elixir elm erlang f# fish " +
	"fortran fsharp go golang graphql groovy haskell hcl html http ini java javascript js json jsonc jsx julia kotlin latex less lisp " +
	"log lua make makefile markdown matlab md mermaid nginx nim nix objc objective-c ocaml octave output pascal perl php plaintext " +
	"powershell prolog protobuf ps1 py python python3 r rb regex rs ruby rust sass scala scheme scss sh shell solidity sql svg swift tcl " +
	"terraform tex text toml ts tsx txt typescript vb vim vue wasm xml yaml yml zig zsh "
