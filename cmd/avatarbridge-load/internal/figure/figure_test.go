package figure

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
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

func TestJSONHasTheMediansAndRatiosThatThereAre(t *testing.T) {
	all := Summaries(Rows(results(), "ours", "theirs"))
	if s := all[0]; s.Mode != "closed" || s.Name != "throughput" || *s.Ours != 200 || *s.Theirs != 400 || *s.Ratio != 0.5 {
		t.Errorf("the first is %+v", s)
	}
	b, err := json.Marshal(all[2])
	if want := `{"mode":"idle","name":"RSS","unit":"MB","ours":20}`; err != nil || string(b) != want {
		t.Errorf("%s, %v is not %s", b, err, want)
	}
}

func TestTheMachineIsDescribed(t *testing.T) {
	m, err := Describe(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if m.CPUs < 1 || m.FileSystem == "" || m.Kernel == "" {
		t.Errorf("the machine is %+v", m)
	}
	if b, err := json.Marshal(m); err != nil || !strings.Contains(string(b), `"fdatasync_p50_ms":0`) {
		t.Errorf("unmeasured it is %s, %v", b, err)
	}
}

func TestTheDiskIsWhatTheMedianOfThePassesIs(t *testing.T) {
	dir := t.TempDir()
	took, err := MeasureSync(dir, 20, time.Minute)
	if err != nil || len(took) != 20 || slices.Min(took) <= 0 {
		t.Fatalf("%v, %v", took, err)
	}
	if took, err := MeasureSync(dir, 20, 0); err != nil || len(took) != 1 {
		t.Errorf("out of time it took %v, %v", took, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind are %v, %v", left, err)
	}
	var m Machine
	m.Synced(nil)
	if m.SyncP50 != 0 || m.SyncP99 != 0 {
		t.Errorf("of no pass came %+v", m)
	}
	ms := func(all ...time.Duration) []time.Duration {
		for i := range all {
			all[i] *= time.Millisecond
		}
		return all
	}
	m.Synced([]Sync{SyncOf(1, ms(5, 1, 9)), SyncOf(2, ms(90, 30, 20)), SyncOf(3, ms(2, 3, 4))})
	if m.SyncP50 != 5 || m.SyncP99 != 9 || m.Syncs[1] != (Sync{Pass: 2, Samples: 3, P50: 30, P99: 90, Max: 90}) {
		t.Errorf("of three passes came %+v", m)
	}
}

func TestAProgramIsKnownByWhatGoHasPutIntoIt(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := Identify(self)
	if err != nil || p.Bytes == 0 || p.Go != runtime.Version() {
		t.Errorf("the test is %+v, %v", p, err)
	}
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if p, err := Identify(script); err != nil || p != (Program{Bytes: 10}) {
		t.Errorf("a script is %+v, %v", p, err)
	}
	if _, err := Identify(script + "s"); err == nil {
		t.Error("there is a program that is not")
	}
	for want, p := range map[string]Program{
		"2.0 MB": {Bytes: 2 << 20}, "2.0 MB, commit 0123456789ab": {Bytes: 2 << 20, Commit: "0123456789abcdef"},
		"2.0 MB, commit abc with changes": {Bytes: 2 << 20, Commit: "abc", Modified: true},
	} {
		if p.String() != want {
			t.Errorf("%+v is %q, not %q", p, p, want)
		}
	}
}
