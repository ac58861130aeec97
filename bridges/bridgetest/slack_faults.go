package bridgetest

import (
	"io"
	"net/http"
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

type slackFaults struct{ faultList[SlackFault] }

// Break adds a fault; of several that fit a call the oldest works. The returned function takes it away, also before its Times are
// used up.
func (s *Slack) Break(f SlackFault) (clear func()) { return s.faults.add(f, f.Times) }

// ClearFaults takes all faults away. Calls that one holds up go on being held up.
func (s *Slack) ClearFaults() { s.faults.clear() }

// take returns the fault that befalls a call, nil for none.
func (sf *slackFaults) take(call slackWireCall) *SlackFault {
	return sf.first(func(f *SlackFault) bool {
		return (f.Method == "" || f.Method == call.method) && (f.Channel == "" || f.Channel == call.channel)
	})
}

// through processes a call of the Web API and answers it, with the fault that befalls it. It returns the answer, nil when the call was
// not processed, and whether the client got it.
func (sf *slackFaults) through(s *Slack, w http.ResponseWriter, r *http.Request, call slackWireCall, process func() *slackAnswer) (*slackAnswer, bool) {
	f := sf.take(call)
	accepted := func(yes bool) *slackAnswer {
		if !yes {
			return nil
		}
		return process()
	}
	return befall(r, f.defect(), accepted, func(a *slackAnswer) bool { return a.write(w) }, func() { f.show(s, w, r) })
}

// slackPlain is an answer of a status and a text.
type slackPlain struct {
	status int
	text   string
}

// plain does the same for what answers with a status and a text. It reports whether the client got the answer of process.
func (sf *slackFaults) plain(s *Slack, w http.ResponseWriter, r *http.Request, call slackWireCall, process func() (int, string)) bool {
	f := sf.take(call)
	accepted := func(yes bool) (a slackPlain) {
		if yes {
			a.status, a.text = process()
		}
		return a
	}
	_, told := befall(r, f.defect(), accepted, func(a slackPlain) bool {
		w.WriteHeader(a.status)
		_, err := io.WriteString(w, a.text)
		return err == nil && http.NewResponseController(w).Flush() == nil
	}, func() { f.show(s, w, r) })
	return told
}

func (f *SlackFault) defect() *defect {
	if f == nil {
		return nil
	}
	return &defect{f.Effect, f.Accepted, f.Delay, f.Code, f.Body}
}

// show answers as the fault wants it.
func (f *SlackFault) show(s *Slack, w http.ResponseWriter, r *http.Request) {
	f.defect().show(w, r, accent{
		garbage: `{"ok":true,"channel":`, half: `{"ok":true,"channel":"C0`, closed: s.ctx.Done(),
		page: "<!DOCTYPE html><html><head><title>Server Error</title></head><body><p>It seems like there was a problem " +
			"connecting to our servers: %s.</p></body></html>\r\n",
		throttle: func() { slackThrottle(max(f.RetryAfter, 1)).write(w) },
		refuse:   func() { slackFailure(f.Body).write(w) },
	})
}
