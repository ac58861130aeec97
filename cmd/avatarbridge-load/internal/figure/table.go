package figure

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// A Row is one figure of a mode: the medians of all passes, NaN for who has no such figure.
type Row struct {
	Mode, Name, Unit string
	Ours, Theirs     float64
}

// Rows makes the rows of all results in the order in which their figures first came.
func Rows(results []Result, ours, theirs string) []Row {
	type key struct{ mode, name string }
	values := map[key]map[string][]float64{}
	var rows []Row
	for _, r := range results {
		for _, f := range r.Figures {
			k := key{r.Mode, f.Name}
			if values[k] == nil {
				values[k] = map[string][]float64{}
				rows = append(rows, Row{Mode: r.Mode, Name: f.Name, Unit: f.Unit})
			}
			values[k][r.Who] = append(values[k][r.Who], f.Value)
		}
	}
	for i := range rows {
		v := values[key{rows[i].Mode, rows[i].Name}]
		rows[i].Ours, rows[i].Theirs = Median(v[ours]), Median(v[theirs])
	}
	modes := map[string]int{}
	for _, r := range rows {
		if _, ok := modes[r.Mode]; !ok {
			modes[r.Mode] = len(modes)
		}
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return modes[a.Mode] - modes[b.Mode] })
	return rows
}

// A Summary is a row as it is written in JSON, where what there is none of is left out.
type Summary struct {
	Mode   string   `json:"mode"`
	Name   string   `json:"name"`
	Unit   string   `json:"unit,omitempty"`
	Ours   *float64 `json:"ours,omitempty"`
	Theirs *float64 `json:"theirs,omitempty"`
	Ratio  *float64 `json:"ratio,omitempty"`
}

// Summaries are the rows for JSON.
func Summaries(rows []Row) []Summary {
	some := func(v float64) *float64 {
		if math.IsNaN(v) {
			return nil
		}
		return &v
	}
	all := make([]Summary, len(rows))
	for i, r := range rows {
		all[i] = Summary{r.Mode, r.Name, r.Unit, some(r.Ours), some(r.Theirs), some(Ratio(r.Ours, r.Theirs))}
	}
	return all
}

// Write writes the rows for a terminal. theirs is "" when nobody was measured against.
func Write(w io.Writer, rows []Row, ours, theirs string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := []string{"mode", "figure", ours}
	if theirs != "" {
		head = append(head, theirs, "ratio")
	}
	fmt.Fprintln(t, strings.Join(head, "\t"))
	last := ""
	for _, r := range rows {
		mode := r.Mode
		if mode == last {
			mode = ""
		}
		last = r.Mode
		fmt.Fprintln(t, strings.Join(r.cells(mode, theirs != ""), "\t"))
	}
	return t.Flush()
}

// WriteMarkdown writes the rows as a table of Markdown.
func WriteMarkdown(w io.Writer, rows []Row, ours, theirs string) error {
	head, line := "| mode | figure | "+ours+" |", "|---|---|---:|"
	if theirs != "" {
		head, line = head+" "+theirs+" | ratio |", line+"---:|---:|"
	}
	if _, err := fmt.Fprintln(w, head+"\n"+line); err != nil {
		return err
	}
	for _, r := range rows {
		if _, err := fmt.Fprintln(w, "| "+strings.Join(r.cells(r.Mode, theirs != ""), " | ")+" |"); err != nil {
			return err
		}
	}
	return nil
}

func (r *Row) cells(mode string, against bool) []string {
	name := r.Name
	if r.Unit != "" {
		name += ", " + r.Unit
	}
	cells := []string{mode, name, number(r.Ours)}
	if against {
		cells = append(cells, number(r.Theirs), ratio(Ratio(r.Ours, r.Theirs)))
	}
	return cells
}

func number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "-"
	case v == math.Trunc(v) || a >= 1000:
		return fmt.Sprintf("%.0f", v)
	case a >= 100:
		return fmt.Sprintf("%.1f", v)
	case a >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

func ratio(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf("%.2f", v)
}
