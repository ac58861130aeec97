package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

func TestWhatADeadClientSentIsNotedWhenItIsQuiet(t *testing.T) {
	s, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var noted atomic.Int64
	s.Serve(func(c *Conn, r Request) error {
		noted.Add(1)
		if string(r.Path) == "/poll" {
			c.Waits()
			<-s.Done()
		}
		return c.Answer(200, nil)
	})
	send := func(path string) net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", s.l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nContent-Length: 0\r\n\r\n", path); err != nil {
			t.Fatal(err)
		}
		return c
	}
	for range 20 {
		send("/send").Close()
	}
	poll := send("/poll")
	defer poll.Close()
	if err := s.Quiet(t.Context()); err != nil || noted.Load() != 21 {
		t.Errorf("%d of 21 are noted, %v", noted.Load(), err)
	}
	defer send("/send").Close() // whose client lives
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Quiet(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it is quiet while a client lives: %v", err)
	}
}
