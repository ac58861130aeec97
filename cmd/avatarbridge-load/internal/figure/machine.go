package figure

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Machine is what figures depend on besides the program.
type Machine struct {
	CPUs       int     `json:"cpus"`
	Kernel     string  `json:"kernel"`
	Go         string  `json:"go"`
	FileSystem string  `json:"file_system"`
	SyncP50    float64 `json:"fdatasync_p50_ms"` // of 4 KiB
	SyncP99    float64 `json:"fdatasync_p99_ms"`
}

// Describe looks at the machine, and measures what it costs to make 4 KiB durable in dir.
func Describe(dir string) (Machine, error) {
	m := Machine{CPUs: runtime.GOMAXPROCS(0), Go: runtime.Version()}
	var u unix.Utsname
	if err := unix.Uname(&u); err == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	var err error
	if m.FileSystem, err = fileSystem(dir); err != nil {
		return m, err
	}
	took, err := Sync(dir, 300)
	m.SyncP50, m.SyncP99 = milliseconds(Percentile(took, 50)), milliseconds(Percentile(took, 99))
	return m, err
}

// fileSystem names what dir is on: by the device in /proc/self/mountinfo, since several file systems share a magic number.
func fileSystem(dir string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return "", fmt.Errorf("look at %s: %w", dir, err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	device := fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))
	for line := range strings.SplitSeq(string(mounts), "\n") {
		fields := strings.Fields(line)
		if i := slices.Index(fields, "-"); i > 2 && fields[2] == device && len(fields) > i+1 {
			return fields[i+1], nil
		}
	}
	return "unknown", nil
}

// Sync appends n times 4 KiB to a file in dir, each with an fdatasync, and returns how long these took, sorted.
func Sync(dir string, n int) ([]time.Duration, error) {
	f, err := os.CreateTemp(dir, "sync")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := make([]byte, 4096)
	took := make([]time.Duration, n)
	for i := range took {
		if _, err := f.Write(page); err != nil {
			return nil, err
		}
		began := time.Now()
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return nil, fmt.Errorf("fdatasync in %s: %w", dir, err)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took, nil
}
