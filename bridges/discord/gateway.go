package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/gorilla/websocket"
)

// Opcodes of the gateway (https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway).
const (
	opDispatch  = 0
	opHeartbeat = 1
	opIdentify  = 2
	opResume    = 6
	opReconnect = 7
	opInvalid   = 9
	opHello     = 10
	opAck       = 11
)

const (
	idle        = 5 * time.Millisecond // of a connection on which nothing is under way
	helloWithin = 20 * time.Second     // of a connection's first payload
	readyWithin = 60 * time.Second     // of READY or RESUMED
	// keepsSession is a close code with which a session can be resumed afterwards: 1000 and 1001 would end it.
	keepsSession = 4000
	// largeGuild is from how many members on a guild names only those that are online; the least that Discord takes.
	largeGuild = 50
)

var (
	errZombie    = errors.New("the connection to Discord is dead: it acknowledges no heartbeats")
	errReconnect = errors.New("the gateway asks for another connection")
	errSilent    = errors.New("the gateway accepts the connection and says nothing")
	errHello     = errors.New("the gateway does not begin as Discord's does")
)

// An invalidSession is the gateway's answer to what it does not take.
type invalidSession struct{ resumable bool }

func (e *invalidSession) Error() string { return "the gateway has ended the session" }

// A socket is one connection to the gateway.
type socket struct {
	ws      *websocket.Conn
	mu      sync.Mutex   // of writing
	seq     atomic.Int64 // of the last event that came
	unheard atomic.Int32 // heartbeats without an acknowledgement
	waits   atomic.Int64 // since when nothing has come, in unix nanoseconds; 0 while what came is being looked at
	dead    atomic.Bool  // a zombie, found out by the heartbeats
	chunk   [8 << 10]byte
}

// dial opens a connection, which ends with ctx so that its session can be resumed.
func (b *Bridge) dial(ctx context.Context, gateway string) (*socket, func(), error) {
	u, err := url.Parse(gateway)
	if err != nil || u.Scheme != "ws" && u.Scheme != "wss" {
		return nil, nil, errors.New("the gateway's address is none")
	}
	u.RawQuery = "v=10&encoding=json"
	if u.Path == "" {
		u.Path = "/"
	}
	d := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: helloWithin, ReadBufferSize: 16 << 10}
	ws, resp, err := d.DialContext(ctx, u.String(), http.Header{"User-Agent": {b.session.UserAgent}})
	if err != nil {
		if resp != nil {
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
		return nil, nil, fmt.Errorf("connect to Discord's gateway: %w", b.clean(err))
	}
	s := &socket{ws: ws}
	ws.SetCloseHandler(func(int, string) error { return nil }) // the reader gets the code
	stop := context.AfterFunc(ctx, s.end)
	return s, func() { stop(); s.end() }, nil
}

// end closes the connection. It may be called again.
func (s *socket) end() {
	_ = s.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(keepsSession, ""), time.Now().Add(100*time.Millisecond))
	_ = s.ws.Close()
}

func (s *socket) write(op int, data any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.ws.SetWriteDeadline(time.Now().Add(10 * time.Second))
	return s.ws.WriteJSON(struct {
		Op   int `json:"op"`
		Data any `json:"d"`
	}{op, data})
}

// read returns the next payload. It is nil for one that was left out.
func (s *socket) read() (*frame, error) {
	s.waits.Store(time.Now().UnixNano())
	_, r, err := s.ws.NextReader()
	s.waits.Store(0)
	if err != nil {
		return nil, s.ended(err)
	}
	raw, err := sift(arriving{r, s}, s.chunk[:])
	if errors.Is(err, errLarge) || errors.Is(err, errNoJSON) {
		return nil, nil
	}
	if err != nil {
		return nil, s.ended(err)
	}
	var f *frame
	if json.Unmarshal(raw, &f) != nil {
		return nil, nil
	}
	return f, nil
}

// arriving is a payload of which the connection may not live to bring the rest.
type arriving struct {
	rest io.Reader
	s    *socket
}

func (a arriving) Read(p []byte) (int, error) {
	a.s.waits.Store(time.Now().UnixNano())
	defer a.s.waits.Store(0)
	return a.rest.Read(p)
}

// ended is why reading came to an end.
func (s *socket) ended(err error) error {
	if s.dead.Load() {
		return errZombie
	}
	return err
}

// hello waits for the first payload and returns the heartbeat's interval.
func (s *socket) hello() (time.Duration, error) {
	_ = s.ws.SetReadDeadline(time.Now().Add(helloWithin))
	f, err := s.read()
	if err != nil {
		if e, ok := errors.AsType[interface {
			error
			Timeout() bool
		}](err); ok && e.Timeout() {
			return 0, errSilent
		}
		return 0, err
	}
	var hello struct {
		Interval number `json:"heartbeat_interval"`
	}
	switch {
	case f != nil && f.Op == opReconnect:
		return 0, errReconnect
	case f == nil || f.Op != opHello || json.Unmarshal(f.Data, &hello) != nil || hello.Interval <= 0:
		return 0, errHello
	}
	return time.Duration(hello.Interval) * time.Millisecond, nil
}

// beat sends heartbeats until ctx ends. A connection that leaves two of them unanswered is closed when the third is due.
func (s *socket) beat(ctx context.Context, every time.Duration) {
	next := time.NewTimer(time.Duration(rand.Float64() * float64(every))) // as the documentation asks, so that not all come at once
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		if s.zombie() {
			s.dead.Store(true)
			s.end()
			return
		}
		if s.heartbeat() != nil {
			s.end()
			return
		}
		next.Reset(every)
	}
}

// zombie reports whether acknowledgements do not come, rather than wait behind other things that are still to be read.
func (s *socket) zombie() bool {
	waits := s.waits.Load()
	return s.unheard.Load() >= 2 && waits != 0 && time.Since(time.Unix(0, waits)) > idle
}

func (s *socket) heartbeat() error {
	s.unheard.Add(1)
	var seq any
	if n := s.seq.Load(); n > 0 {
		seq = n
	}
	return s.write(opHeartbeat, seq)
}

// identify begins a session.
func (s *socket) identify(token string, shard, shards int, intents discordgo.Intent) error {
	return s.write(opIdentify, map[string]any{
		"token": token, "intents": intents, "shard": [2]int{shard, shards}, "large_threshold": largeGuild, "compress": false,
		"properties": map[string]string{"os": runtime.GOOS, "browser": "avatarbridge", "device": "avatarbridge"},
	})
}

// resume goes on with a session behind its event seq.
func (s *socket) resume(token, session string, seq int64) error {
	s.seq.Store(seq)
	return s.write(opResume, map[string]any{"token": token, "session_id": session, "seq": seq})
}
