package figure

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Machine is what figures depend on besides the program.
type Machine struct {
	CPUs       int     `json:"cpus"`
	Kernel     string  `json:"kernel"`
	Go         string  `json:"go"`
	FileSystem string  `json:"file_system"`
	SyncP50    float64 `json:"fdatasync_p50_ms"` // of 4 KiB: the median of those of all passes; 0 while none was measured
	SyncP99    float64 `json:"fdatasync_p99_ms"`
	Syncs      []Sync  `json:"fdatasync_passes"`
}

// Describe looks at the machine, and at what dir is on.
func Describe(dir string) (Machine, error) {
	m := Machine{CPUs: runtime.GOMAXPROCS(0), Go: runtime.Version()}
	var u unix.Utsname
	if err := unix.Uname(&u); err == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	var err error
	m.FileSystem, err = fileSystem(dir)
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
