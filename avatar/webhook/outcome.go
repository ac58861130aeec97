package webhook

import (
	"fmt"
	"net/http"

	"avatarbridge/bridges/fault"
)

var reasons = map[int]string{
	http.StatusUnauthorized:     "url refuses the request as unauthorised: check that secret is the same on both sides, and any token in url",
	http.StatusForbidden:        "url refuses the request as forbidden: check that secret is the same on both sides, and any token in url",
	http.StatusNotFound:         "url answers that nothing is there: check the path in url",
	http.StatusMethodNotAllowed: "url does not take POST: check the path in url",
	http.StatusGone:             "url answers that it is gone for good: check url",
}

// outcome says how a call that got an answer ended: nil when it succeeded.
func (b *Backend) outcome(res *http.Response) error {
	status := res.StatusCode
	if status >= 200 && status < 300 {
		return nil
	}
	err := fmt.Errorf("%s answered HTTP %d", b.url.Host, status)
	wait, asked := fault.RetryAfter(res.Header, b.now())
	switch reason := reasons[status]; {
	case reason != "":
		return fault.Kill(reason, err)
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && asked:
		return fault.Throttle(fault.Avatar, wait, err)
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status >= 500:
		return &fault.Outcome{Err: err}
	case status >= 400:
		return fault.Kill("url refused this turn: the log of your service says why", err)
	case status >= 300:
		return fault.Kill("url answers with a redirect, which is not followed: write the address where it leads", err)
	}
	return &fault.Outcome{Err: err}
}
