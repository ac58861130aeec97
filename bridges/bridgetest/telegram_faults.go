package bridgetest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Effect is what a Fault does to a call.
type Effect uint8

// The effects. What the client sees; whether the call was processed says Fault.Accepted.
const (
	Slow     Effect = iota // a normal answer after Fault.Delay (a Delay works with every effect)
	Status                 // Fault.Code with Fault.Body, as a proxy or a failing server answers
	HTML                   // Fault.Code (502 when 0) with an HTML page
	Cut                    // the connection is closed without an answer
	Garbage                // status 200 with something that is no JSON
	Throttle               // 429 with Fault.RetryAfter
	Stall                  // no answer, for as long as the client waits
	Half                   // status 200 and the beginning of an answer, then the connection is closed
	Refuse                 // the Bot API's error Fault.Code with the description Fault.Body
)

// Fault is something that goes wrong on purpose.
type Fault struct {
	Method string // "sendMessage"; "" for every method
	Chat   int64  // 0 for every chat
	Times  int    // how many calls it befalls; 0 until it is cleared
	Effect Effect

	// Accepted says that the call has its effect before the fault shows: the message is posted and the answer is lost.
	Accepted   bool
	Delay      time.Duration
	Code       int
	Body       string
	RetryAfter int // seconds
}

// wireCall says which call a Fault may befall.
type wireCall struct {
	method string
	chat   int64
}

type faultTable struct {
	mu   sync.Mutex
	list []*Fault
}

// Break adds a fault; of several that fit a call the oldest works. The returned function takes it away, also before its Times are
// used up.
func (t *Telegram) Break(f Fault) (clear func()) {
	f.Method = strings.ToLower(f.Method)
	left := &f
	if f.Times == 0 {
		left.Times = -1
	}
	t.faults.mu.Lock()
	defer t.faults.mu.Unlock()
	t.faults.list = append(t.faults.list, left)
	return func() { t.faults.drop(left) }
}

// ClearFaults takes all faults away. Calls that one holds up go on being held up.
func (t *Telegram) ClearFaults() {
	t.faults.mu.Lock()
	defer t.faults.mu.Unlock()
	t.faults.list = nil
}

func (ft *faultTable) drop(f *Fault) {
	ft.mu.Lock()
	defer ft.mu.Unlock()
	for i, have := range ft.list {
		if have == f {
			ft.list = append(ft.list[:i:i], ft.list[i+1:]...)
			return
		}
	}
}

// take returns the fault that befalls a call, nil for none.
func (ft *faultTable) take(call wireCall) *Fault {
	ft.mu.Lock()
	defer ft.mu.Unlock()
	for i, f := range ft.list {
		if f.Method != "" && f.Method != call.method || f.Chat != 0 && f.Chat != call.chat {
			continue
		}
		now := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				ft.list = append(ft.list[:i:i], ft.list[i+1:]...)
			}
		}
		return &now
	}
	return nil
}

// through processes a call and answers it, with the fault that befalls it. It returns the answer, nil when the call was not processed,
// and whether the client got it.
func (ft *faultTable) through(t *Telegram, w http.ResponseWriter, r *http.Request, call wireCall, process func() *answer) (*answer, bool) {
	f := ft.take(call)
	if f == nil {
		a := process()
		return a, write(w, a)
	}
	if !pause(r, f.Delay) {
		return nil, false
	}
	if f.Effect == Slow {
		a := process()
		return a, write(w, a)
	}
	var a *answer
	if f.Accepted {
		a = process()
	}
	f.show(t, w, r)
	return a, false
}

// pause waits; false means that the client has gone.
func pause(r *http.Request, d time.Duration) bool {
	return d <= 0 || sleep(r.Context(), d)
}

// show answers as the fault wants it.
func (f *Fault) show(t *Telegram, w http.ResponseWriter, r *http.Request) {
	switch f.Effect {
	case Cut:
		cut(w)
	case Stall:
		select {
		case <-r.Context().Done():
		case <-t.ctx.Done():
		}
		cut(w)
	case Garbage:
		write(w, &answer{status: http.StatusOK, body: []byte(`{"ok":true,"result":{"message_id":`)})
	case Half:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"ok":true,"result":`))
		_ = http.NewResponseController(w).Flush()
		cut(w)
	case Throttle:
		write(w, tooMany(max(f.RetryAfter, 1)))
	case Refuse:
		write(w, failure(f.Code, f.Body))
	case HTML:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(orElse(f.Code, http.StatusBadGateway))
		_, _ = fmt.Fprintf(w, "<html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1>\r\n<p>The requested URL %s "+
			"could not be served.</p></body></html>\r\n", r.URL.Path) // as proxies do: the token is in it
	default:
		w.WriteHeader(orElse(f.Code, http.StatusInternalServerError))
		_, _ = w.Write([]byte(f.Body))
	}
}

func orElse(n, other int) int {
	if n == 0 {
		return other
	}
	return n
}

// cut closes the connection of a request without an answer.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}
