package bridgetest

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// SlackFault is something that goes wrong on purpose. Effects are those of Fault; Refuse answers with the Slack error Body.
type SlackFault struct {
	// Method is a method of the Web API, or "upload", "download", "response_url" or "socket" (the WebSocket's opening); "" is all of them.
	Method  string
	Channel string // "" for every channel
	Times   int    // how many calls it befalls; 0 until it is cleared
	Effect  Effect

	// Accepted says that the call has its effect before the fault shows: the message is posted and the answer is lost.
	Accepted   bool
	Delay      time.Duration // real time
	Code       int
	Body       string
	RetryAfter int // seconds
}

// slackWireCall says which call a SlackFault may befall.
type slackWireCall struct{ method, channel string }

type slackFaults struct {
	mu   sync.Mutex
	list []*SlackFault
}

// Break adds a fault; of several that fit a call the oldest works. The returned function takes it away, also before its Times are
// used up.
func (s *Slack) Break(f SlackFault) (clear func()) {
	left := &f
	if f.Times == 0 {
		left.Times = -1
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = append(s.faults.list, left)
	return func() { s.faults.drop(left) }
}

// ClearFaults takes all faults away. Calls that one holds up go on being held up.
func (s *Slack) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = nil
}

func (sf *slackFaults) drop(f *SlackFault) {
	sf.mu.Lock()
	defer sf.mu.Unlock()
	for i, have := range sf.list {
		if have == f {
			sf.list = append(sf.list[:i:i], sf.list[i+1:]...)
			return
		}
	}
}

// take returns the fault that befalls a call, nil for none.
func (sf *slackFaults) take(call slackWireCall) *SlackFault {
	sf.mu.Lock()
	defer sf.mu.Unlock()
	for i, f := range sf.list {
		if f.Method != "" && f.Method != call.method || f.Channel != "" && f.Channel != call.channel {
			continue
		}
		now := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				sf.list = append(sf.list[:i:i], sf.list[i+1:]...)
			}
		}
		return &now
	}
	return nil
}

// through processes a call of the Web API and answers it, with the fault that befalls it. It returns the answer, nil when the call was
// not processed, and whether the client got it.
func (sf *slackFaults) through(s *Slack, w http.ResponseWriter, r *http.Request, call slackWireCall, process func() *slackAnswer) (*slackAnswer, bool) {
	f := sf.take(call)
	if f == nil {
		a := process()
		return a, a.write(w)
	}
	if !pause(r, f.Delay) {
		return nil, false
	}
	if f.Effect == Slow {
		a := process()
		return a, a.write(w)
	}
	var a *slackAnswer
	if f.Accepted {
		a = process()
	}
	f.show(s, w, r)
	return a, false
}

// plain does the same for what answers with a status and a text. It reports whether the client got the answer of process.
func (sf *slackFaults) plain(s *Slack, w http.ResponseWriter, r *http.Request, call slackWireCall, process func() (int, string)) bool {
	f := sf.take(call)
	if f != nil && !pause(r, f.Delay) {
		return false
	}
	if f == nil || f.Effect == Slow {
		status, text := process()
		w.WriteHeader(status)
		_, err := io.WriteString(w, text)
		return err == nil && http.NewResponseController(w).Flush() == nil
	}
	if f.Accepted {
		process()
	}
	f.show(s, w, r)
	return false
}

// show answers as the fault wants it.
func (f *SlackFault) show(s *Slack, w http.ResponseWriter, r *http.Request) {
	switch f.Effect {
	case Cut:
		cut(w)
	case Stall:
		select {
		case <-r.Context().Done():
		case <-s.ctx.Done():
		}
		cut(w)
	case Garbage:
		write(w, &answer{status: http.StatusOK, body: []byte(`{"ok":true,"channel":`)})
	case Half:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"ok":true,"channel":"C0`)
		_ = http.NewResponseController(w).Flush()
		cut(w)
	case Throttle:
		slackThrottle(max(f.RetryAfter, 1)).write(w)
	case Refuse:
		slackFailure(f.Body).write(w)
	case HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(orElse(f.Code, http.StatusBadGateway))
		_, _ = fmt.Fprintf(w, "<!DOCTYPE html><html><head><title>Server Error</title></head><body><p>It seems like there was a problem "+
			"connecting to our servers: %s.</p></body></html>\r\n", r.URL.Path)
	default:
		w.WriteHeader(orElse(f.Code, http.StatusInternalServerError))
		_, _ = io.WriteString(w, f.Body)
	}
}
