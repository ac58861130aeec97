package server

import (
	"net/http"
	"sync/atomic"
	"time"
)

// bodyTimeout is how long a platform, a service or a person may take to send a request's body, and its handler to store it.
const bodyTimeout = time.Minute

// writePiece is how large a piece of an answer is, in bytes: whoever reads less than that in patience.piece is cut off.
const writePiece = 64 << 10

// A patience says how long clients may take.
type patience struct {
	body  time.Duration // to send a request's body
	piece time.Duration // to read a piece of the answer
	whole time.Duration // to read the answer, from its first byte on; and what a handler may think before it
}

// forClients is the public side's.
var forClients = patience{body: bodyTimeout, piece: 30 * time.Second, whole: 5 * time.Minute}

// timed bounds how long a request's body may take, since handlers bound its size only, and how long its answer may: a client that neither sends
// nor reads must not keep a connection. A handler that sets a deadline of its own for writing, as streams do, is left to it. A request without a
// body has no deadline for reading: that would end a stream.
func (p patience) timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if r.Body != http.NoBody {
			// A writer that knows no deadlines is a test's. The server sets a new one for the connection's next request.
			_ = control.SetReadDeadline(time.Now().Add(p.body))
		}
		t := &timedWriter{ResponseWriter: w, control: control, patience: p}
		t.until(p.whole) // in place of what the connection's last request has left
		next.ServeHTTP(t, r)
		t.begin() // what is still to be written is small
	})
}

// A timedWriter writes with deadlines.
type timedWriter struct {
	http.ResponseWriter
	patience
	control *http.ResponseController
	began   time.Time   // when the answer began; the zero time: it has not
	own     atomic.Bool // the handler sets the deadlines. It may do so from any goroutine, also while it returns
}

// Unwrap lets http.ResponseController find the rest of what the writer can do.
func (t *timedWriter) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// SetWriteDeadline leaves the deadlines to the handler from now on.
func (t *timedWriter) SetWriteDeadline(at time.Time) error {
	t.own.Store(true)
	return t.control.SetWriteDeadline(at)
}

// WriteHeader begins the answer.
func (t *timedWriter) WriteHeader(status int) {
	t.begin()
	t.ResponseWriter.WriteHeader(status)
}

// Write writes p in pieces, each of which has its time.
func (t *timedWriter) Write(p []byte) (written int, err error) {
	for first := true; err == nil && (first || written < len(p)); first = false {
		t.begin()
		var n int
		n, err = t.ResponseWriter.Write(p[written:min(written+writePiece, len(p))])
		written += n
	}
	return written, err
}

// begin sets the deadline of what is written next.
func (t *timedWriter) begin() {
	if t.began.IsZero() {
		t.began = time.Now()
	}
	t.until(min(t.piece, time.Until(t.began.Add(t.whole))))
}

func (t *timedWriter) until(d time.Duration) {
	if !t.own.Load() {
		_ = t.control.SetWriteDeadline(time.Now().Add(d))
	}
}
