package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"avatarbridge/bridges/fault"
)

const (
	converters = 2  // ffmpeg processes at once
	convertCPU = 20 // seconds of processor time a process, where the system can bound it
	// convertMemory is bytes of address space a process, likewise: what its libraries and threads reserve, and some for the audio.
	convertMemory = 2 << 30
)

// outputs are the types that can be converted to, with ffmpeg's arguments for them.
var outputs = map[string]struct {
	format *format
	args   []string
}{
	"audio/ogg":  {opus, []string{"-c:a", "libopus", "-b:a", "48k", "-ar", "48000", "-application", "voip", "-f", "ogg"}},
	"audio/mpeg": {mp3, []string{"-c:a", "libmp3lame", "-b:a", "96k", "-f", "mp3"}},
}

func findFFmpeg() (string, error) { return exec.LookPath("ffmpeg") }

// converted gives data to ffmpeg. That it fails, or is too slow, is fault.Rejected: the bytes will not get better.
func (s *Store) converted(ctx context.Context, data []byte, from *format, want string) ([]byte, *format, error) {
	out, ok := outputs[want]
	if !ok {
		return nil, nil, fault.Reject("audio cannot be converted to "+want, nil)
	}
	path, err := s.ffmpeg()
	if err != nil {
		return nil, nil, fault.Reject("audio is converted only where ffmpeg is installed", nil)
	}
	select {
	case s.convert <- struct{}{}:
		defer func() { <-s.convert }()
	case <-ctx.Done():
		return nil, nil, &fault.Outcome{Reason: "too many conversions of audio at once", Err: ctx.Err()}
	}
	made, err := runFFmpeg(ctx, path, data, s.limits(), from, out.args)
	if errors.Is(ctx.Err(), context.Canceled) { // the program stops
		return nil, nil, &fault.Outcome{Reason: "the conversion of audio was broken off", Err: ctx.Err()}
	}
	if err != nil {
		return nil, nil, fault.Reject("ffmpeg cannot convert the avatar's audio", err)
	}
	if sniff(made) != out.format {
		return nil, nil, fault.Reject("ffmpeg made no "+want+" of the avatar's audio", nil)
	}
	return made, out.format, nil
}

// limits bound one process.
type limits struct {
	output      int64  // bytes
	memory, cpu uint64 // bytes of address space, seconds
}

func (s *Store) limits() limits { return limits{s.cfg.MaxBytes, s.memory, convertCPU} }

// runFFmpeg pipes data through one process. Its input is an avatar's and not trusted: the reader is named, so that a file cannot ask for
// another one (a playlist), nothing but its two pipes may be opened, and it gets none of our environment.
func runFFmpeg(ctx context.Context, path string, data []byte, max limits, from *format, output []string) ([]byte, error) {
	args := []string{"-hide_banner", "-nostdin", "-loglevel", "error", "-max_alloc", strconv.Itoa(128 << 20),
		"-protocol_whitelist", "pipe", "-f", from.demux, "-threads", "1", "-i", "pipe:0",
		"-map", "0:a:0", "-map_metadata", "-1", "-ac", "1", "-threads", "1"}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append(append(args, output...), "pipe:1")...)
	cmd.Env = []string{"LC_ALL=C"}
	cmd.WaitDelay = time.Second
	made, said := &bounded{max: max.output, full: cancel}, &bounded{max: 1 << 10}
	cmd.Stdout, cmd.Stderr = made, said
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	// The process waits for its input, so that it is bounded before it does anything with it.
	fed := confine(cmd.Process.Pid, max)
	if fed == nil {
		_, _ = io.Copy(stdin, bytes.NewReader(data)) // a process that stops reading says why by its status
	}
	_ = stdin.Close() // likewise
	if err := cmd.Wait(); err != nil {
		line, _, _ := strings.Cut(strings.TrimSpace(said.kept.String()), "\n")
		return nil, errors.Join(fed, fmt.Errorf("%w: %q", err, line))
	}
	return made.kept.Bytes(), fed
}

// bounded keeps the first max bytes and calls full, if it is set, when there are more.
type bounded struct {
	kept bytes.Buffer // not embedded: its ReadFrom knows no bound
	max  int64
	full func()
}

// Write takes all of p, so that the writer goes on.
func (b *bounded) Write(p []byte) (int, error) {
	room := b.max - int64(b.kept.Len())
	if int64(len(p)) <= room {
		return b.kept.Write(p)
	}
	if b.full != nil {
		b.full()
	}
	_, err := b.kept.Write(p[:room])
	return len(p), err
}
