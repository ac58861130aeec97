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

func TestConnectionsEndWhenWhatWasAskedIsAnswered(t *testing.T) {
	s, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	asked, answer := make(chan struct{}), make(chan struct{})
	s.Serve(func(c *Conn, r Request) error {
		if string(r.Path) == "/wait" {
			close(asked)
			<-answer
		}
		return c.Answer(204, nil)
	})
	get := func(c net.Conn, path string) error {
		_, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\n\r\n", path)
		return err
	}
	read := func(c net.Conn) string {
		b := make([]byte, 100)
		n, err := c.Read(b)
		if err != nil {
			return err.Error()
		}
		return string(b[:n])
	}
	dial := func() net.Conn {
		c, err := net.Dial("tcp", s.l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	idle, busy := dial(), dial()
	if err := errors.Join(get(idle, "/"), get(busy, "/wait")); err != nil {
		t.Fatal(err)
	}
	const done = "HTTP/1.1 204 No Content\r\n\r\n"
	if got := read(idle); got != done {
		t.Fatalf("the answer is %q", got)
	}
	<-asked
	s.HangUp()
	if got := read(idle); got != "EOF" {
		t.Errorf("an idle connection goes on with %q", got)
	}
	close(answer)
	if got, then := read(busy), read(busy); got != done || then != "EOF" {
		t.Errorf("a busy connection goes on with %q and %q", got, then)
	}
	again := dial()
	if err := get(again, "/"); err != nil || read(again) != done {
		t.Errorf("a new connection is not served: %v", err)
	}
}
