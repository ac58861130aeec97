// Package terminal is a bridge to whoever sits at the terminal: each line is a message, each reply is printed.
//
// At the end of the input it waits until the lines that were read have their replies, so that a pipe into the program prints what it
// was asked for. It cannot know that an avatar keeps silent: the wait is bounded, and what would come later is not printed.
package terminal

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// Account is the id of every terminal's account: there is one terminal, as far as the store is concerned.
const Account = "terminal:local"

const (
	waitReply  = 150 * time.Second // after the input's end, since the last sign of life: more than the default ask_timeout
	waitNotice = 5 * time.Second   // likewise, when the last thing said was no reply but a word of the program
	// waitMore is for a second reply. The relay shows that an avatar thinks after 400 ms, which is a sign of life.
	waitMore   = 600 * time.Millisecond
	storeAgain = time.Second
)

// Config is what a Terminal works with. In and Out must be set; without Err there are no remarks.
type Config struct {
	In     io.Reader
	Out    io.Writer
	Err    io.Writer
	Name   string // who writes: the system's user name; "" is "local"
	Avatar string // the name before what the avatar says; "" is "avatar"
	Color  bool   // Out is a terminal that knows colours and can erase a line
}

// Terminal is a bridges.Bridge. It is run once.
type Terminal struct {
	cfg  Config
	done chan struct{}

	mu       sync.Mutex // guards the rest, and keeps what is printed in one piece
	waiting  int        // lines without a reply
	notices  bool       // the last thing printed was no reply
	lastSign time.Time  // when something was last printed or being thought about
	dots     bool       // the sign of thinking stands in the current line
	moved    chan struct{}
}

var (
	_ bridges.Bridge = (*Terminal)(nil)
	_ bridges.Typer  = (*Terminal)(nil)
)

// New returns a Terminal. It does no I/O.
func New(cfg Config) *Terminal {
	if cfg.Name == "" {
		cfg.Name = "local"
	}
	if cfg.Avatar == "" {
		cfg.Avatar = "avatar"
	}
	return &Terminal{cfg: cfg, done: make(chan struct{}), moved: make(chan struct{}, 1)}
}

// Done is closed when the person has left (/quit), when the input has ended and nothing is waited for any more, or when Run could
// not begin. Run goes on until its context ends, like any bridge's: it is for the caller to end it.
func (t *Terminal) Done() <-chan struct{} { return t.done }

// Run reads lines until ctx ends. A reader that cannot be interrupted is left blocked in its Read and not read from again.
func (t *Terminal) Run(ctx context.Context, rx bridges.Receiver) error {
	if _, err := rx.Open(ctx, Account); err != nil {
		close(t.done)
		return err
	}
	rx.Health(nil)
	t.prompt()
	t.converse(ctx, rx)
	if ctx.Err() == nil {
		close(t.done)
	}
	<-ctx.Done()
	return nil
}

// converse returns when the person has left, the input is over and answered, or ctx has ended.
func (t *Terminal) converse(ctx context.Context, rx bridges.Receiver) {
	in, stop := readLines(ctx, t.cfg.In)
	defer stop()
	ids := newIDs()
	for {
		var line string
		var ok bool
		select {
		case <-ctx.Done():
			return
		case line, ok = <-in:
		}
		if !ok {
			t.drain(ctx)
			return
		}
		switch line {
		case "":
			t.prompt()
		case "/quit", "/exit":
			return
		default:
			t.offer(ctx, rx, t.event(ids.next(), line))
		}
	}
}

func (t *Terminal) event(id, line string) bridges.Event {
	e := bridges.Event{
		Kind: bridges.Written, Key: id, Message: id, At: time.Now(), Text: line, Addressed: true,
		From:  bridges.Person{Platform: "terminal", User: t.cfg.Name, Name: t.cfg.Name},
		Place: bridges.Place{Channel: "terminal", Direct: true},
	}
	if line == "/reset" || line == "/start" {
		e.Kind, e.Command, e.Text = bridges.Command, line[1:], ""
	}
	return e
}

// offer gives the relay one event until it is stored.
func (t *Terminal) offer(ctx context.Context, rx bridges.Receiver, e bridges.Event) {
	if e.Kind == bridges.Written {
		t.count(1)
	} else {
		t.count(0) // the program answers a command, if at all, in its own words
	}
	for {
		err := rx.Receive(ctx, bridges.Batch{Events: []bridges.Event{e}})
		if err == nil || ctx.Err() != nil {
			return
		}
		t.note("your message could not be stored, trying again: " + err.Error())
		select {
		case <-ctx.Done():
			return
		case <-time.After(storeAgain):
		}
	}
}

func (t *Terminal) count(lines int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting += lines
	t.lastSign = time.Now()
}

// drain waits for the replies to what was read.
func (t *Terminal) drain(ctx context.Context) {
	for {
		left := t.left()
		if left <= 0 {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-t.moved:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// left is how much longer the replies are waited for. Only a reply counts as one: the program's own words (that this is an AI, that it
// is busy) come before a reply or instead of it.
func (t *Terminal) left() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	wait := waitReply
	switch {
	case t.lastSign.IsZero():
		return 0 // nothing was written
	case t.waiting <= 0:
		wait = waitMore
	case t.notices:
		wait = waitNotice
	}
	return wait - time.Since(t.lastSign)
}

// Fit makes one message with one form of m.
func (t *Terminal) Fit(m bridges.Message) []bridges.Message {
	text := render(m)
	if text == "" {
		return nil
	}
	return []bridges.Message{{ReplyTo: m.ReplyTo, Mention: m.Mention, Forms: []bridges.Form{{Kind: "text", Text: text}}}}
}

// Send prints a message. It returns no id.
func (t *Terminal) Send(_ context.Context, m bridges.Message) (string, error) {
	if len(m.Forms) == 0 {
		return "", fault.Kill("the message has nothing to print", nil)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.print(t.bold(clean(t.cfg.Avatar)+":") + " " + clean(m.Forms[0].Text) + "\n" + t.mark()); err != nil {
		return "", fault.Kill("the terminal cannot be written to", err)
	}
	// The relay names the person in what answers a turn.
	t.notices = m.Mention == ""
	if !t.notices {
		t.waiting--
	}
	t.sign(0)
	return "", nil
}

// Typing shows three dots in place of the prompt.
func (t *Terminal) Typing(context.Context, bridges.Place) (time.Duration, error) {
	const lasts = 3 * time.Second
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sign(lasts)
	if !t.cfg.Color || t.dots {
		return lasts, nil
	}
	err := t.print(faint + "…" + plain)
	t.dots = err == nil
	return lasts, err
}

// sign notes a sign of life that holds for a while. The caller holds mu.
func (t *Terminal) sign(lasts time.Duration) {
	t.lastSign = time.Now().Add(lasts)
	select {
	case t.moved <- struct{}{}:
	default:
	}
}

// note prints a remark of the program itself.
func (t *Terminal) note(s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = t.print(t.dim("("+clean(s)+")") + "\n" + t.mark()) // whoever cannot be told cannot be told that either
}

// Remark says something about the conversation beside it, on Err. It may be called by several goroutines.
func (t *Terminal) Remark(s string) {
	if t.cfg.Err == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = t.print("") // whoever cannot be told cannot be told that either
	_, _ = io.WriteString(t.cfg.Err, "("+clean(s)+")\n")
	_ = t.print(t.mark())
}

// prompt prints the mark of where to write.
func (t *Terminal) prompt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = t.print(t.mark()) // a broken output shows at the next reply
}

// print writes s over the dots or the prompt. The caller holds mu.
func (t *Terminal) print(s string) error {
	if t.cfg.Color {
		s = eraseLine + s
	}
	t.dots = false
	if _, err := io.WriteString(t.cfg.Out, s); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
