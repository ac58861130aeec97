package figure

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

func TestPercentilesAreMeasuredValues(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for _, c := range []struct {
		of   []time.Duration
		p    float64
		want time.Duration
	}{
		{nil, 50, 0}, {hundred[:1], 1, 1}, {hundred[:1], 100, 1}, {hundred, 0, 1}, {hundred, 50, 50}, {hundred, 99, 99}, {hundred, 99.1, 100},
		{hundred, 100, 100}, {hundred[:3], 50, 2}, {hundred[:3], 99, 3},
	} {
		if got := Percentile(c.of, c.p); got != c.want {
			t.Errorf("p%v of %d values is %d, not %d", c.p, len(c.of), got, c.want)
		}
	}
}

func TestMediansAndRatios(t *testing.T) {
	v := []float64{9, 1, 5}
	if got := Median(v); got != 5 || v[0] != 9 {
		t.Errorf("the median is %v, of %v", got, v)
	}
	if got := Median([]float64{4, 1, 2, 9}); got != 3 {
		t.Errorf("the median of four is %v", got)
	}
	if got := Ratio(3, 4); got != 0.75 {
		t.Errorf("3 to 4 is %v", got)
	}
	for _, nothing := range []float64{Median(nil), Ratio(1, 0), Ratio(math.NaN(), 1), Ratio(1, math.NaN())} {
		if !math.IsNaN(nothing) {
			t.Errorf("%v was made of nothing", nothing)
		}
	}
}

func results() []Result {
	var all []Result
	for pass, v := range []float64{100, 300, 200} {
		ours := Result{Mode: "closed", Who: "ours", Pass: pass}
		ours.Add("throughput", "msg/s", v)
		ours.Milliseconds("latency", 1500*time.Microsecond)
		theirs := Result{Mode: "closed", Who: "theirs", Pass: pass}
		theirs.Add("throughput", "msg/s", 2*v)
		idle := Result{Mode: "idle", Who: "ours", Pass: pass}
		idle.Megabytes("RSS", 20<<20)
		all = append(all, ours, idle, theirs)
	}
	return all
}

func TestATableHasTheMediansOfAllPassesAndTheirRatio(t *testing.T) {
	rows := Rows(results(), "ours", "theirs")
	if len(rows) != 3 || rows[0].Ours != 200 || rows[0].Theirs != 400 || !math.IsNaN(rows[1].Theirs) || rows[2].Mode != "idle" {
		t.Fatalf("the rows are %+v", rows)
	}
	var plain, markdown bytes.Buffer
	if err := Write(&plain, rows, "ours", "theirs"); err != nil {
		t.Fatal(err)
	}
	if err := WriteMarkdown(&markdown, rows, "ours", "theirs"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(strings.Split(plain.String(), "\n")[1]); strings.Join(got, " ") != "closed throughput, msg/s 200 400 0.50" {
		t.Errorf("the line is %q", got)
	}
	for _, want := range []string{"| closed | throughput, msg/s | 200 | 400 | 0.50 |", "| closed | latency, ms | 1.50 | - | - |", "| idle | RSS, MB | 20 | - | - |"} {
		if !strings.Contains(markdown.String(), want+"\n") {
			t.Errorf("%q is not in\n%s", want, &markdown)
		}
	}
}

func TestTheMachineIsDescribed(t *testing.T) {
	m, err := Describe(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if m.CPUs < 1 || m.SyncP99 < m.SyncP50 || m.SyncP50 <= 0 || m.FileSystem == "" || !strings.Contains(string(b), `"fdatasync_p50_ms":`) {
		t.Errorf("the machine is %s", b)
	}
}
