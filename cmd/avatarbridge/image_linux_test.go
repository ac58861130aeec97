package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

const someMappings = `00400000-00403000 r--p 00000000 fe:00 10471921                           /opt/avatar bridge
Rss:                  12 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd mr mw me
00403000-00ec6000 r-xp 00003000 fe:00 10471921                           /opt/avatar bridge
Rss:               11020 kB
Anonymous:             0 kB
Swap:                  0 kB
00ec6000-01a67000 r-xp 00ac6000 fe:00 10471921                           /opt/avatar bridge
Anonymous:             4 kB
Swap:                  0 kB
01a67000-01a6a000 r--p 01667000 fe:00 10471921                           /opt/avatar bridge
Anonymous:            12 kB
Swap:                  0 kB
01a6a000-01af1000 rw-p 0166a000 fe:00 10471921                           /opt/avatar bridge
Anonymous:             0 kB
Swap:                  0 kB
01af1000-01b00000 rw-p 00000000 00:00 0
Anonymous:             0 kB
Swap:                  0 kB
01b00000-01b03000 r--p 01700000 fe:00 10471921                           /opt/avatar bridge
Anonymous:             0 kB
Swap:                 12 kB
7f948e0f2000-7f948e118000 r--p 00000000 fe:00 326269                     /usr/lib/x86_64-linux-gnu/libc.so.6
Anonymous:             0 kB
Swap:                  0 kB
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
Anonymous:             0 kB
Swap:                  0 kB
`

func TestOnlyWhatIsStillAsInTheFileIsLetGo(t *testing.T) {
	got := untouched(strings.NewReader(someMappings), "/opt/avatar bridge")
	if want := []span{{0x400000, 0x403000}, {0x403000, 0xec6000}}; !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	if got := untouched(strings.NewReader("nonsense\nAnonymous: 0 kB\nSwap: 0 kB\n"), "nonsense"); got != nil {
		t.Errorf("of nonsense %x", got)
	}
}

// residentOf is how much of a file is in the memory of this process, and the largest mapping of its code.
func residentOf(t *testing.T, file string) (bytes, largest int) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ours := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var from, to, kB int
		var mode string
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); n == 3 {
			if ours = strings.HasSuffix(lines.Text(), file); ours && mode == "r-xp" {
				largest = max(largest, to-from)
			}
		}
		if n, _ := fmt.Sscanf(lines.Text(), "Rss: %d kB", &kB); n == 1 && ours {
			bytes += kB << 10
		}
	}
	return bytes, largest
}

func TestTheProgramRunsOnWhenItsFileWasLetGo(t *testing.T) {
	file, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if fileBytes(os.Getpid()) == 0 {
		t.Skip("this system does not tell how much of a file is in memory")
	}
	i := &image{}
	for range 3 {
		if err := sameAsFile(file); err != nil {
			t.Fatal(err)
		}
		before, _ := residentOf(t, file) // all of it
		i.letGo()
		after, largest := residentOf(t, file)
		if after > before/2 || largest > imagePiece {
			t.Errorf("%d bytes of the file were there, %d are now; one access may bring %d", before, after, largest)
		}
	}
	if err := sameAsFile(file); err != nil {
		t.Fatal(err)
	}
}

// sameAsFile compares the code and the constants that the process has with what the file has. All of them are in memory then.
func sameAsFile(name string) error {
	file, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer file.Close()
	memory, err := os.Open("/proc/self/mem")
	if err != nil {
		return err
	}
	defer memory.Close()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return err
	}
	clean := untouched(bytes.NewReader(maps), name)
	for line := range strings.Lines(string(maps)) {
		var s span
		var mode string
		var offset int64
		if n, _ := fmt.Sscanf(line, "%x-%x %s %x", &s.from, &s.to, &mode, &offset); n != 4 || !slices.Contains(clean, s) {
			continue
		}
		has, want := make([]byte, s.to-s.from), make([]byte, s.to-s.from)
		if _, err := memory.ReadAt(has, int64(s.from)); err != nil {
			return err
		}
		n, err := file.ReadAt(want, offset)
		if err != nil && err != io.EOF { // the last page may be longer than the file
			return err
		}
		if !bytes.Equal(has[:n], want[:n]) {
			return fmt.Errorf("what is mapped at %x is not what the file has at %x", s.from, offset)
		}
	}
	return nil
}

func TestAQuietProgramHasLittleOfItsFileInMemory(t *testing.T) {
	if fileBytes(os.Getpid()) == 0 {
		t.Skip("this system does not tell how much of a file is in memory")
	}
	r := newRig(t, setup{})
	r.start()
	r.ready()
	info, err := os.Stat("/proc/self/exe") // which the program is, here
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	r.await("the program to let go of its file", func() bool {
		files = fileBytes(r.child.Process.Pid)
		return files > 0 && int64(files) < info.Size()/3
	})
	anna, chat := r.person("Anna")
	r.say(anna, chat, "are you still there?")
	r.awaitPost(chat, "are you still there?")
	t.Logf("%d KiB of files were in memory, the program's has %d", files>>10, info.Size()>>10)
}
