// Package figure is what a run of the load tool says in the end: figures of several passes, their medians, and how two contestants compare.
package figure

import (
	"math"
	"slices"
	"time"
)

// A Figure is one measured number.
type Figure struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit,omitempty"`
	Value float64 `json:"value"`
}

// A Result is what one contestant did in one pass of one mode.
type Result struct {
	Mode string `json:"mode"`
	Who  string `json:"who"`
	Pass int    `json:"pass"`
	// Sizes are how large the mode was: numbers, and seconds.
	Sizes   map[string]float64 `json:"sizes,omitempty"`
	Sync    *Sync              `json:"fdatasync,omitempty"` // just before
	Figures []Figure           `json:"figures"`
	Broken  []string           `json:"broken,omitempty"` // the promises that were not kept
	Notes   []string           `json:"notes,omitempty"`
}

// Add adds a figure.
func (r *Result) Add(name, unit string, v float64) {
	r.Figures = append(r.Figures, Figure{name, unit, v})
}

// Milliseconds adds a duration as a figure.
func (r *Result) Milliseconds(name string, d time.Duration) {
	r.Add(name, "ms", milliseconds(d))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Megabytes adds a size as a figure.
func (r *Result) Megabytes(name string, bytes int64) {
	r.Add(name, "MB", float64(bytes)/(1<<20))
}

// Percentile is the value that p of 100 of the sorted values are not above (the nearest rank); 0 of none.
func Percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Median is the middle value, or the mean of the two in the middle; NaN of none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Clone(values)
	slices.Sort(v)
	if m := len(v) / 2; len(v)%2 == 0 {
		return (v[m-1] + v[m]) / 2
	}
	return v[len(v)/2]
}

// Ratio is a by b, NaN where that is nothing to go by.
func Ratio(a, b float64) float64 {
	if b == 0 || math.IsNaN(a) || math.IsNaN(b) {
		return math.NaN()
	}
	return a / b
}
