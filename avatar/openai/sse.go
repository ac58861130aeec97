package openai

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

const (
	maxLine  = 1 << 20  // of one event; also of all of its lines
	maxBytes = 64 << 20 // of a stream: a token of a few letters comes in some hundred bytes
)

var (
	errLine   = errors.New("an event of the stream is larger than 1 MiB")
	errStream = errors.New("the stream is larger than 64 MiB")
)

// events reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
type events struct {
	r       *bufio.Reader
	left    int  // bytes
	afterCR bool // a line feed that comes next belongs to the line before
	line    []byte
}

// event is the fields of one event that matter here.
type event struct {
	data   []byte // lines are joined by line feeds
	failed []byte // a field "error", in which older servers of llama.cpp tell failures
}

func newEvents(r *bufio.Reader) *events { return &events{r: r, left: maxBytes} }

// next returns the next event that has data or an error. At the end of the stream it returns io.EOF, after an event that no empty line
// ended: some servers leave that out.
func (e *events) next() (event, error) {
	var ev event
	for {
		end := e.readLine()
		if end != nil && !errors.Is(end, io.EOF) {
			return event{}, end
		}
		if len(ev.data)+len(ev.failed)+len(e.line) > maxLine {
			return event{}, errLine
		}
		ev.take(e.line)
		if (len(e.line) == 0 || end != nil) && (ev.data != nil || ev.failed != nil) {
			return ev, nil
		}
		if end != nil {
			return event{}, io.EOF
		}
	}
}

// take notes a line of the event.
func (ev *event) take(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "data":
		if ev.data != nil {
			ev.data = append(ev.data, '\n')
		}
		ev.data = append(ev.data, value...)
		if ev.data == nil {
			ev.data = []byte{}
		}
	case "error":
		ev.failed = append(ev.failed, value...)
	}
}

// readLine reads a line into e.line, without its end: LF, CR LF or CR. At the end of the stream it returns io.EOF with what is left.
func (e *events) readLine() error {
	e.line = e.line[:0]
	for {
		c, err := e.r.ReadByte()
		if err != nil {
			return err
		}
		if e.left--; e.left < 0 {
			return errStream
		}
		wasCR := e.afterCR
		e.afterCR = c == '\r'
		switch {
		case c == '\n' && wasCR:
		case c == '\n', c == '\r':
			return nil
		case len(e.line) == maxLine:
			return errLine
		default:
			e.line = append(e.line, c)
		}
	}
}
