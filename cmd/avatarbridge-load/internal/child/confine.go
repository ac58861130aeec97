package child

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Confined is the first argument with which the load tool is started again to confine a process before it becomes the program.
const Confined = "confined"

// confine lets cmd run in a mount namespace of its own, with a file system of its own at its folder, or files of its own in /etc.
func confine(cmd *exec.Cmd, c Command) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return err
	}
	cmd.Path = self
	cmd.Args = append([]string{self, Confined, strconv.FormatInt(c.Tmpfs, 10), strings.Join(c.Etc, ","), path}, c.Args...)
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNS
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	return nil
}

// Confine makes this process, which confine has started, the program: args are those behind Confined. It returns only an error. What is in
// the folder goes along.
func Confine(args []string) error {
	if len(args) < 3 {
		return errors.New("confined is for the load tool itself")
	}
	size, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return err
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts to this process: %w", err)
	}
	if args[1] != "" {
		for file := range strings.SplitSeq(args[1], ",") {
			if err := syscall.Mount(file, filepath.Join("/etc", file), "", syscall.MS_BIND, ""); err != nil {
				return fmt.Errorf("put another %s in place of the machine's: %w", file, err)
			}
		}
	}
	if size > 0 {
		if err := mountSmall(size); err != nil {
			return err
		}
	}
	return syscall.Exec(args[2], args[2:], os.Environ())
}

// mountSmall mounts a file system of so many bytes at the working directory, and puts into it what was there.
func mountSmall(size int64) error {
	files, err := readAll(".")
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		return fmt.Errorf("mount a small file system: %w", err)
	}
	if err := os.Chdir(dir); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func readAll(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if e.Type().IsRegular() && e.Name() != LogFile {
			if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// Inside is where a file of a confined process is found from outside.
func (p *Process) Inside(file string) string {
	return filepath.Join("/proc", strconv.Itoa(p.PID()), "cwd", file)
}
