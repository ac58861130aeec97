package slack

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestWhatIsNoAnswerOfHTTPIsQuotedInNoError(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err == nil {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			_, _ = c.Write([]byte("HTTP/1.1 canary\r\n\r\n"))
			_ = c.Close()
		}
	}()
	defer func() { _ = ln.Close(); <-done }()
	w := newWorld(t)
	b := w.bridge(nil, func(c *Config) { c.APIURL = "http://" + ln.Addr().String() + "/api/" })
	_, err = b.Send(w.ctx, w.message("p1", "x"))
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("Send returned %v", err)
	}
	m := w.message("p2", "x")
	m.Forms[0].Kind, m.Answer = formAnswer, "http://"+ln.Addr().String()+"/commands/secret"
	if _, err = b.Send(w.ctx, m); err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "secret") {
		t.Errorf("the answer to a command returned %v", err)
	}
}
