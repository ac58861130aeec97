package terminal

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxLine is how much of a line is kept, in bytes; more than any avatar reads.
const maxLine = 64 << 10

// ids makes message ids that no other run makes.
type ids struct {
	run string
	n   int
}

func newIDs() *ids { return &ids{run: rand.Text()} }

func (i *ids) next() string {
	i.n++
	return i.run + "-" + strconv.Itoa(i.n)
}

// readLines reads lines in the background until the input ends, which closes the channel. Stop ends that; it interrupts a Read that is
// under way where the reader has deadlines (a pipe), and leaves it behind where not (a terminal): it then ends with the next line.
func readLines(ctx context.Context, in io.Reader) (lines <-chan string, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ch := make(chan string)
	go func() {
		defer close(ch)
		r := bufio.NewReader(in)
		for {
			line, err := readLine(r)
			if err != nil {
				return
			}
			select {
			case ch <- line:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ch, func() {
		cancel()
		if d, ok := in.(interface{ SetReadDeadline(time.Time) error }); ok && d.SetReadDeadline(time.Unix(1, 0)) == nil {
			for range ch { // until it is closed
			}
		}
	}
}

// readLine returns the next line without control characters and without spaces around it, cut at maxLine. A last line without an end
// comes with a nil error.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part[:min(len(part), maxLine-len(line))]...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && len(line) == 0:
			return "", err
		}
		return strings.TrimSpace(clean(strings.ToValidUTF8(string(line), ""))), nil
	}
}
