package avatartest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxBody bounds what a simulator reads of one request.
const maxBody = 16 << 20

// A server is one real HTTP server on a free port of 127.0.0.1. Its close ends stalled calls and waits for all handlers.
type server struct {
	url   string
	http  *http.Server
	quit  context.Context
	stop  context.CancelFunc
	mu    sync.Mutex // guards shut, so that no call is added to calls once close waits
	shut  bool
	calls sync.WaitGroup
	ended chan struct{}
}

func listen(h http.Handler) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{url: "http://" + l.Addr().String(), ended: make(chan struct{})}
	s.quit, s.stop = context.WithCancel(context.Background())
	s.http = &http.Server{Handler: s.counted(h), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.ended)
		_ = s.http.Serve(l) // ends with ErrServerClosed
	}()
	return s, nil
}

func (s *server) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.enter() {
			hangUp(w)
			return
		}
		defer s.calls.Done()
		h.ServeHTTP(w, r)
	})
}

func (s *server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.shut {
		s.calls.Add(1)
	}
	return !s.shut
}

func (s *server) close() {
	s.mu.Lock()
	s.shut = true
	s.mu.Unlock()
	s.stop()
	_ = s.http.Close()
	<-s.ended
	s.calls.Wait()
}

// wait sleeps for d and says whether the call is still wanted then.
func (s *server) wait(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
	case <-s.quit.Done():
	}
	return false
}

// hangUp closes the connection without an answer.
func hangUp(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

var errTooLarge = errors.New("the request is over the simulator's limit")

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = errTooLarge
	}
	return body, err
}

// writeJSON answers with v and returns once the answer is handed to the operating system.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "the scripted answer is no JSON", http.StatusInternalServerError)
		return
	}
	writeBody(w, status, "application/json; charset=utf-8", body)
}

func writeBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	if contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away is no concern of the service
	_ = http.NewResponseController(w).Flush()
}
