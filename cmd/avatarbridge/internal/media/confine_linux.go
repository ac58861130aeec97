package media

import "golang.org/x/sys/unix"

// confine bounds the memory and the processor time of a process.
func confine(pid int, max limits) error {
	for resource, limit := range map[int]uint64{unix.RLIMIT_AS: max.memory, unix.RLIMIT_CPU: max.cpu} {
		if err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: limit, Max: limit}, nil); err != nil {
			return err
		}
	}
	return nil
}
