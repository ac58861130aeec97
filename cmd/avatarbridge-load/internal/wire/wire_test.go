package wire

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func serve(t *testing.T, h Handler) *Server {
	t.Helper()
	s, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.Serve(h)
	return s
}

func echo(c *Conn, r Request) error {
	return c.Answer(200, fmt.Appendf(nil, "%s %s", r.Path, r.Body))
}

func post(t *testing.T, url, body string) (int, string, error) {
	t.Helper()
	res, err := http.Post(url, "text/plain", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

func TestManyClientsGetTheirOwnAnswers(t *testing.T) {
	s := serve(t, echo)
	var clients sync.WaitGroup
	for i := range 20 {
		clients.Go(func() {
			for n := range 20 {
				want := fmt.Sprintf("/%d?x %s", i, strings.Repeat("b", n*500))
				if _, got, err := post(t, fmt.Sprintf("%s/%d?x", s.URL(), i), strings.Repeat("b", n*500)); err != nil || got != want {
					t.Errorf("client %d: %q, %v", i, got, err)
				}
			}
		})
	}
	clients.Wait()
}

func TestAHandlersErrorClosesTheConnection(t *testing.T) {
	s := serve(t, func(*Conn, Request) error { return errors.New("gone") })
	if _, _, err := post(t, s.URL(), ""); err == nil {
		t.Error("an answer came")
	}
}

func TestADrippedAnswerIsWhole(t *testing.T) {
	s := serve(t, func(c *Conn, _ Request) error { return c.Drip(503, []byte("slow"), time.Millisecond) })
	if status, got, err := post(t, s.URL(), ""); status != 503 || got != "slow" || err != nil {
		t.Errorf("%d %q %v", status, got, err)
	}
}

func TestARequestWithoutALengthIsRefused(t *testing.T) {
	s := serve(t, echo)
	res, err := http.Post(s.URL(), "text/plain", io.MultiReader(strings.NewReader("chunked")))
	if err == nil {
		res.Body.Close()
		t.Error("an answer came")
	}
}

func TestCloseEndsHandlersThatWait(t *testing.T) {
	s, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	entered := make(chan struct{})
	s.Serve(func(*Conn, Request) error { close(entered); <-s.Done(); return nil })
	answered := make(chan error, 1)
	go func() { _, _, err := post(t, s.URL(), ""); answered <- err }()
	<-entered
	s.Close()
	if err := <-answered; err == nil {
		t.Error("an answer came after Close")
	}
}
