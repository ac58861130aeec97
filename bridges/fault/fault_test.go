package fault_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"avatarbridge/bridges/fault"
)

func TestAnErrorThatNobodyMarkedIsTriedAgain(t *testing.T) {
	cause := errors.New("odd")
	if o := fault.Of(cause); o.Kind != fault.Retry || !errors.Is(o, cause) {
		t.Errorf("got %+v", o)
	}
	if o := fault.Of(nil); o != nil {
		t.Errorf("nil became %+v", o)
	}
}

func TestAMarkSurvivesWrapping(t *testing.T) {
	o := fault.Throttle(fault.Channel, 0, nil)
	if got := fault.Of(fmt.Errorf("send: %w", o)); got != o || got.After != time.Second {
		t.Errorf("got %+v", got)
	}
}

func TestErrorsAreWrittenForPeople(t *testing.T) {
	cause := errors.New("401 Unauthorized")
	for want, o := range map[string]*fault.Outcome{
		"copy the token again: 401 Unauthorized": fault.Kill("copy the token again", cause),
		"copy the token again":                   fault.Kill("copy the token again", nil),
		"401 Unauthorized":                       fault.Unsure(cause),
		"moved":                                  fault.MoveTo("7", nil),
	} {
		if got := o.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
