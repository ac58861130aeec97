package discord

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

func TestAConnectionThatDiesInTheMiddleOfAPayloadIsNoticed(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{}
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = ws.Close() }()
		_, _ = ws.NetConn().Write(append([]byte{0x81, 126, 0x10, 0}, `{"op":0`...)) // of 4,096 bytes, and nothing more
		for {
			if _, _, err := ws.ReadMessage(); err != nil { // heartbeats arrive, and nobody answers
				return
			}
		}
	}))
	defer srv.Close()
	ws, _, err := websocket.DefaultDialer.Dial(strings.Replace(srv.URL, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = ws.SetReadDeadline(time.Now().Add(5 * time.Second)) // for a socket that does not notice
	sock := &socket{ws: ws}
	ctx, stop := context.WithCancel(t.Context())
	var beats sync.WaitGroup
	defer beats.Wait()
	defer stop()
	defer sock.end()
	beats.Go(func() { sock.beat(ctx, 50*time.Millisecond) })
	if _, err := sock.read(); !errors.Is(err, errZombie) {
		t.Errorf("read ended with %v", err)
	}
}
