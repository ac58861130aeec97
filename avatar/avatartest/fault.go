package avatartest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A Fault is one way in which a service misbehaves for one call. Use the constructors below, and Late to let the call take effect before it fails.
type Fault struct {
	Name string // stands in Heard.Fault and in reports

	delay  time.Duration
	stall  bool
	cut    bool
	status int // answer with it, header and body instead of what is right; 0: go on as if nothing was
	header map[string]string
	body   string
	huge   *hugeBody
	claims func(map[string]any) // changes the claims of a token
	stream *brokenStream        // how a streamed answer goes wrong
	late   bool
}

// Late makes the fault come after the call took effect: the service has remembered the prompt, only its answer is lost or wrong.
func (f Fault) Late() Fault {
	f.Name += ", after the call took effect"
	f.late = true
	return f
}

// Slow answers rightly, after d.
func Slow(d time.Duration) Fault { return Fault{Name: "slow", delay: d} }

// Stalled never answers: the call ends when the client gives up or the simulator is closed.
func Stalled() Fault { return Fault{Name: "stalled", stall: true} }

// Cut closes the connection without an answer.
func Cut() Fault { return Fault{Name: "cut connection", cut: true} }

// Answered answers with this status, content type and body.
func Answered(status int, contentType, body string) Fault {
	return Fault{
		Name: fmt.Sprintf("status %d with %.40q", status, body), status: status, body: body,
		header: map[string]string{"Content-Type": contentType},
	}
}

// Broken answers with a status of 500 or above, and JSON.
func Broken(status int) Fault {
	return Answered(status, "application/json", `{"error":"internal error"}`).named("status " + strconv.Itoa(status))
}

// Refused answers 401 or 403 as a service does that does not accept the caller's credentials.
func Refused(status int) Fault {
	return Answered(status, "application/json", `{"error":{"message":"Unauthorized"}}`).named("refused with " + strconv.Itoa(status))
}

// Proxy answers with the HTML page of a proxy that stands before the service.
func Proxy(status int) Fault {
	const page = "<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head><body><h1>upstream connect error</h1></body></html>\n"
	return Answered(status, "text/html; charset=UTF-8", page).named("HTML page with status " + strconv.Itoa(status))
}

// TooMany answers 429. With after 0 it names no time.
func TooMany(after time.Duration) Fault {
	f := Answered(http.StatusTooManyRequests, "application/json", `{"error":"Too many requests"}`).named("429")
	if after > 0 {
		f.header["Retry-After"] = strconv.Itoa(int(after / time.Second))
		f.Name = "429 with Retry-After"
	}
	return f
}

// ErrorString answers 200 with the error as a string.
func ErrorString(message string) Fault {
	return Answered(http.StatusOK, "application/json", fmt.Sprintf(`{"error":%q}`, message)).named("200 with an error string")
}

// ErrorObject answers 200 with the error as an object.
func ErrorObject(message string) Fault {
	return Answered(http.StatusOK, "application/json", fmt.Sprintf(`{"error":{"message":%q}}`, message)).named("200 with an error object")
}

// EmptyObject answers 200 {}. Of a token call that is an answer without accessToken.
func EmptyObject() Fault { return Answered(http.StatusOK, "application/json", "{}").named("200 {}") }

// EmptyBody answers 200 with nothing.
func EmptyBody() Fault {
	return Answered(http.StatusOK, "application/json", "").named("200 and an empty body")
}

// Elsewhere redirects to url with a status (307, 308) that asks for the same body again.
func Elsewhere(status int, url string) Fault {
	f := Answered(status, "text/plain", "").named("redirect " + strconv.Itoa(status))
	f.header["Location"] = url
	return f
}

// Huge answers 200 with a JSON object whose text has n bytes. HugeSent says how many of them left.
func Huge(n int64) Fault {
	return Fault{Name: "huge body", status: http.StatusOK, huge: &hugeBody{size: n}, header: map[string]string{"Content-Type": "application/json"}}
}

// HugeSent says how much of a Huge answer went out.
func (f Fault) HugeSent() int64 {
	if f.huge == nil {
		return 0
	}
	return f.huge.sent.Load()
}

// Claims issues a token whose claims change altered. Only token calls heed it.
func Claims(name string, change func(claims map[string]any)) Fault {
	return Fault{Name: name, claims: change}
}

// WithRunner issues a token that names another runner; "" leaves the claim out.
func WithRunner(url string) Fault {
	return Claims("token with runner "+strconv.Quote(url), func(c map[string]any) {
		delete(c, "runner")
		if url != "" {
			c["runner"] = url
		}
	})
}

// WithoutExp issues a token that does not say when it expires.
func WithoutExp() Fault {
	return Claims("token without exp", func(c map[string]any) { delete(c, "exp") })
}

// Expired issues a token whose time was over an hour ago.
func Expired() Fault {
	return Claims("expired token", func(c map[string]any) { c["exp"] = c["iat"].(int64) - 3600 })
}

func (f Fault) named(name string) Fault {
	f.Name = name
	return f
}

// serve does what the fault does, and says whether the call is over.
func (f Fault) serve(s *server, w http.ResponseWriter, r *http.Request) bool {
	if !s.wait(r, f.delay) {
		hangUp(w)
		return true
	}
	switch {
	case f.stall:
		select {
		case <-r.Context().Done():
		case <-s.quit.Done():
		}
		hangUp(w)
	case f.cut:
		hangUp(w)
	case f.status != 0:
		for k, v := range f.header {
			w.Header().Set(k, v)
		}
		if f.huge != nil {
			f.huge.write(w)
		} else {
			writeBody(w, f.status, "", []byte(f.body))
		}
	default:
		return false
	}
	return true
}

type hugeBody struct {
	size int64
	sent atomic.Int64
}

func (h *hugeBody) write(w http.ResponseWriter) {
	chunk := []byte(strings.Repeat("a", 64<<10))
	_, err := w.Write([]byte(`{"text":"`))
	for left := h.size; left > 0 && err == nil; {
		var n int
		n, err = w.Write(chunk[:min(left, int64(len(chunk)))])
		left -= int64(n)
		h.sent.Add(int64(n))
	}
	if err == nil {
		_, _ = w.Write([]byte(`"}`))
	}
}
