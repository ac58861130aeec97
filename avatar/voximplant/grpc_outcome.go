package voximplant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"avatarbridge/bridges/fault"
)

// exhaustedPause is how long nobody is asked after the service said that there is too much, without saying for how long: its limits are per minute.
const exhaustedPause = 5 * time.Second

// errSilent is how a conversation ends that the service closes without a word.
var errSilent = errors.New("the avatar ended the conversation without a reply")

// grpcOutcome says how a call over the link ended. What the service wrote is never repeated, because it may quote the person or the credentials.
func (l *link) grpcOutcome(c call, err error) error {
	if errors.Is(err, io.EOF) {
		return &fault.Outcome{Err: errSilent}
	}
	st := status.Convert(err)
	why := fmt.Errorf("%s: %s answered %s", c.name, l.address, st.Code())
	switch st.Code() {
	case codes.Unavailable:
		if broken := l.unreachable(); broken != nil {
			return fault.NoAnswer(l.address, broken)
		}
	case codes.Canceled:
		return fault.NoAnswer(l.address, context.Canceled)
	case codes.DeadlineExceeded:
		return fault.NoAnswer(l.address, context.DeadlineExceeded)
	case codes.ResourceExhausted:
		if strings.HasPrefix(st.Message(), "grpc: received message") { // the client's own limit, which has no code of its own
			return fault.Kill("the avatar said more than 1 MiB at once: shorten what the scenario says", why)
		}
		return fault.Throttle(fault.Avatar, pause(st), why)
	case codes.Unauthenticated:
		return fault.Kill(c.refused, fmt.Errorf("%w: %w", errRefused, why))
	case codes.PermissionDenied:
		return fault.Kill(c.refused, why)
	case codes.NotFound:
		return fault.Kill(c.missing, why)
	case codes.InvalidArgument:
		return fault.Kill(c.malformed, why)
	case codes.Unimplemented:
		return fault.Kill(`the service does not offer avatars over gRPC: set transport = "rest"`, why)
	}
	return &fault.Outcome{Err: why}
}

// pause is how long the service asks to wait.
func pause(st *status.Status) time.Duration {
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok && info.GetRetryDelay().AsDuration() > 0 {
			return min(info.GetRetryDelay().AsDuration(), fault.MaxHold)
		}
	}
	return exhaustedPause
}
