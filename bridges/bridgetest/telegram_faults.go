package bridgetest

import (
	"net/http"
	"strings"
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

type faultTable struct{ faultList[Fault] }

// Break adds a fault; of several that fit a call the oldest works. The returned function takes it away, also before its Times are
// used up.
func (t *Telegram) Break(f Fault) (clear func()) {
	f.Method = strings.ToLower(f.Method)
	return t.faults.add(f, f.Times)
}

// ClearFaults takes all faults away. Calls that one holds up go on being held up.
func (t *Telegram) ClearFaults() { t.faults.clear() }

// take returns the fault that befalls a call, nil for none.
func (ft *faultTable) take(call wireCall) *Fault {
	return ft.first(func(f *Fault) bool {
		return (f.Method == "" || f.Method == call.method) && (f.Chat == 0 || f.Chat == call.chat)
	})
}

// through processes a call and answers it, with the fault that befalls it. It returns the answer, nil when the call was not processed,
// and whether the client got it.
func (ft *faultTable) through(t *Telegram, w http.ResponseWriter, r *http.Request, call wireCall, process func() *answer) (*answer, bool) {
	f := ft.take(call)
	accepted := func(yes bool) *answer {
		if !yes {
			return nil
		}
		return process()
	}
	return befall(r, f.defect(), accepted, func(a *answer) bool { return write(w, a) }, func() { f.show(t, w, r) })
}

func (f *Fault) defect() *defect {
	if f == nil {
		return nil
	}
	return &defect{f.Effect, f.Accepted, f.Delay, f.Code, f.Body}
}

// show answers as the fault wants it. As those of proxies do, the page has the token in it.
func (f *Fault) show(t *Telegram, w http.ResponseWriter, r *http.Request) {
	f.defect().show(w, r, accent{
		garbage: `{"ok":true,"result":{"message_id":`, half: `{"ok":true,"result":`, closed: t.ctx.Done(),
		page: "<html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1>\r\n<p>The requested URL %s " +
			"could not be served.</p></body></html>\r\n",
		throttle: func() { write(w, tooMany(max(f.RetryAfter, 1))) },
		refuse:   func() { write(w, failure(f.Code, f.Body)) },
	})
}
