package figure

import (
	"debug/buildinfo"
	"fmt"
	"os"
)

// A Program is a built program that was measured.
type Program struct {
	Bytes    int64  `json:"bytes"`
	Go       string `json:"go,omitempty"`
	Version  string `json:"version,omitempty"` // of its module
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"commit_time,omitempty"`
	Modified bool   `json:"modified,omitempty"` // since that commit
}

// Identify tells of a file what Go has put into it. Of what was built outside of a repository nothing is known but the size, and which Go it was.
func Identify(file string) (Program, error) {
	stat, err := os.Stat(file)
	if err != nil {
		return Program{}, err
	}
	p := Program{Bytes: stat.Size()}
	info, err := buildinfo.ReadFile(file)
	if err != nil { // not of Go, or stripped of it: it may be measured all the same
		return p, nil
	}
	p.Go, p.Version = info.GoVersion, info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			p.Commit = s.Value
		case "vcs.time":
			p.Time = s.Value
		case "vcs.modified":
			p.Modified = s.Value == "true"
		}
	}
	return p, nil
}

// String is its size and its commit.
func (p Program) String() string {
	s := fmt.Sprintf("%.1f MB", float64(p.Bytes)/(1<<20))
	if p.Commit == "" {
		return s
	}
	s += ", commit " + p.Commit[:min(len(p.Commit), 12)]
	if p.Modified {
		s += " with changes"
	}
	return s
}
