package relay

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestAConnectionThatNeverWasIsNotSaidToBeLost(t *testing.T) {
	var said bytes.Buffer
	l := &line{log: slog.New(slog.NewTextHandler(&said, nil))}
	const first, lost = "not connected yet; trying again", "the connection is lost; trying again"
	l.Health(errors.New("no such host"))
	l.Health(errors.New("no such host, asked again"))
	if n := strings.Count(said.String(), first); n != 1 || strings.Contains(said.String(), lost) {
		t.Errorf("before the first connection: %s", said.String())
	}
	l.Health(nil)
	l.Health(errors.New("reset"))
	l.Health(errors.New("reset"))
	if n := strings.Count(said.String(), lost); n != 1 || strings.Count(said.String(), first) != 1 {
		t.Errorf("after it: %s", said.String())
	}
}
