package wire

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// parrot says again what it hears.
func parrot(c *Conn, r Request) error {
	s, err := c.Upgrade(r)
	if err != nil {
		return err
	}
	for {
		text, err := s.Read()
		if err != nil {
			return err
		}
		if err := s.Write(AppendFrame(nil, text)); err != nil {
			return err
		}
	}
}

func dial(t *testing.T, s *Server) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial(strings.Replace(s.URL(), "http", "ws", 1)+"/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	return ws
}

func TestMessagesOfEverySizeGoThroughASocket(t *testing.T) {
	ws := dial(t, serve(t, parrot))
	for _, n := range []int{0, 1, 125, 126, 5000, 70_000} { // the client cuts long ones into several frames
		want := strings.Repeat("é", n)
		if err := ws.WriteMessage(websocket.TextMessage, []byte(want)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := ws.ReadMessage(); err != nil || string(got) != want {
			t.Fatalf("of %d letters came back %d bytes, %v", n, len(got), err)
		}
	}
}

func TestAPingIsAnsweredAndAClosedSocketEnds(t *testing.T) {
	ws := dial(t, serve(t, parrot))
	pong := ""
	ws.SetPongHandler(func(s string) error { pong = s; return nil })
	for _, err := range []error{ws.WriteMessage(websocket.PingMessage, []byte("ping")), ws.WriteMessage(websocket.TextMessage, []byte("x"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, got, err := ws.ReadMessage(); string(got) != "x" || pong != "ping" || err != nil {
		t.Errorf("%q behind the pong %q, %v", got, pong, err)
	}
	if err := ws.WriteMessage(websocket.CloseMessage, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.ReadMessage(); err == nil {
		t.Error("something came from a socket that was closed")
	}
}

func TestARequestThatIsNoHandshakeIsRefused(t *testing.T) {
	if _, _, err := post(t, serve(t, parrot).URL(), ""); err == nil {
		t.Error("an answer came")
	}
}

func TestAClientKeepsItsConnectionAndFindsAServerThatIsThereAgain(t *testing.T) {
	clients := map[string]bool{}
	s := serve(t, func(c *Conn, r Request) error {
		clients[c.conn.RemoteAddr().String()] = true
		if string(r.Method) == http.MethodPost && string(r.Path) == "/a/b" && string(r.Body) == "{}" {
			return c.Answer(204, nil)
		}
		return c.Answer(400, []byte("no"))
	})
	cl := NewClient(4)
	defer cl.Close()
	for range 3 {
		if status, err := cl.Post(s.URL()+"/a/b", []byte("{}")); status != 204 || err != nil {
			t.Errorf("%d, %v", status, err)
		}
	}
	if status, err := cl.Post(s.URL()+"/a/c", nil); status != 400 || err != nil {
		t.Errorf("%d, %v", status, err)
	}
	s.Close()
	if len(clients) != 1 {
		t.Errorf("%d connections were made", len(clients))
	}
	if _, err := cl.Post(s.URL()+"/a/b", []byte("{}")); err == nil {
		t.Error("a server that is gone has answered")
	}
	if status, err := cl.Post(serve(t, echo).URL()+"/", nil); status != 200 || err != nil {
		t.Errorf("%d, %v", status, err)
	}
	if _, err := cl.Post("https://example.com/", nil); err == nil {
		t.Error("it speaks https")
	}
}

func TestACallHasItsHeadersAndIsToldWhileItIsOnItsWay(t *testing.T) {
	sent := make(chan struct{})
	got := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-sent // no answer comes before it is told
		got <- r.Header.Get("X-One") + r.Header.Get("X-Two")
	}))
	defer s.Close()
	cl := NewClient(1)
	cl.Sent = func() { close(sent) }
	defer cl.Close()
	if status, err := cl.Post(s.URL+"/", []byte("{}"), "X-One: 1", "X-Two: 2"); status != 200 || err != nil {
		t.Errorf("%d, %v", status, err)
	}
	if headers := <-got; headers != "12" {
		t.Errorf("the headers are %q", headers)
	}
}
