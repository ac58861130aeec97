package bridgetest

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// A Log keeps what is logged, by several goroutines at once. The zero value is ready.
type Log struct {
	mu  sync.Mutex
	all strings.Builder
}

// Logger returns a logger of which everything is kept, whatever its level.
func (l *Log) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug - 8}))
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

// String returns all that was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// Forget drops what was logged so far.
func (l *Log) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = strings.Builder{}
}

// Hides fails the test for each of the secrets that is in the log, without telling it.
func (l *Log) Hides(t testing.TB, secrets ...string) {
	t.Helper()
	for i, s := range secrets {
		if strings.Contains(l.String(), s) {
			t.Errorf("secret %d of %d is in the log", i+1, len(secrets))
		}
	}
}
