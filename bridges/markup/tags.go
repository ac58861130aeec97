package markup

import "strings"

// A tagWriter writes tags around spans, which know all that they stand in but not what of it is open.
type tagWriter struct {
	out  strings.Builder
	open []string // what stands between < and >, the outermost first
}

// enter closes and opens tags until exactly want are open.
func (w *tagWriter) enter(want []string) {
	same := 0
	for same < len(want) && same < len(w.open) && want[same] == w.open[same] {
		same++
	}
	for i := len(w.open) - 1; i >= same; i-- {
		name, _, _ := strings.Cut(w.open[i], " ")
		w.out.WriteString("</" + name + ">")
	}
	for _, tag := range want[same:] {
		w.out.WriteString("<" + tag + ">")
	}
	w.open = append(w.open[:same], want[same:]...)
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func escape(s string) string { return escaper.Replace(s) }
