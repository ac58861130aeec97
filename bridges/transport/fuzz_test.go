package transport

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A script is a server's end of a connection: it says its lines when it has heard something, in pieces of a size, and hangs up.
type script struct {
	net.Conn
	lines func(i int64) byte
	end   int64 // how many bytes they are
	size  int

	heard chan struct{} // closed with the first write
	once  sync.Once
	said  int64
}

func (s *script) Write(p []byte) (int, error) {
	s.once.Do(func() { close(s.heard) })
	return len(p), nil
}

func (s *script) Read(p []byte) (int, error) {
	<-s.heard
	n := 0
	for ; n < min(len(p), s.size) && s.said < s.end; n++ {
		p[n] = s.lines(s.said)
		s.said++
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s *script) Close() error {
	s.once.Do(func() { close(s.heard) })
	return nil
}

func (*script) SetDeadline(time.Time) error      { return nil }
func (*script) SetReadDeadline(time.Time) error  { return nil }
func (*script) SetWriteDeadline(time.Time) error { return nil }
func (*script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*script) LocalAddr() net.Addr              { return &net.TCPAddr{} }

func newScript(text string, size int) *script {
	return &script{lines: func(i int64) byte { return text[i] }, end: int64(len(text)), size: size, heard: make(chan struct{})}
}

// dialling is what connects to s.
func dialling(s *script) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) { return s, nil }
}

// read makes a call and describes its whole answer, "" for none.
func read(ctx context.Context, rt http.RoundTripper, method string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://example.com/", nil)
	if err != nil {
		return "", err
	}
	res, err := rt.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d %q %v %q", res.Status, res.ContentLength, res.Header, res.Trailer, body), nil
}

// FuzzAnAnswerIsReadAsNetHTTPReadsIt has net/http's own transport read what a server says. What it makes an error of must be one here, and be
// no reason to keep the connection; here less may be taken for an answer.
func FuzzAnAnswerIsReadAsNetHTTPReadsIt(f *testing.F) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and more",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\noki",
		"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\noki\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\noki\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\noki\r\n0\r\nX: y\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\noki",
		"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nConnection: CLOSE\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\n\r\nuntil the end",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 102 Processing\r\nContent-Length: 38\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
		"HTTP/1.1 099 Less\r\nContent-Length: 38\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200\n\n", "HTTP/1.1 200 OK\nContent-Length : 2\n\nok", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n", "\r\nHTTP/1.1 200 OK\r\n\r\n",
	} {
		f.Add(answer, uint16(4096), false)
		f.Add(answer, uint16(1), true)
	}
	f.Fuzz(func(t *testing.T, answer string, size uint16, head bool) {
		method := map[bool]string{false: http.MethodGet, true: http.MethodHead}[head]
		tr := New(Config{Dial: dialling(newScript(answer, int(size)+1))})
		defer tr.CloseIdleConnections()
		got, err := read(t.Context(), tr, method)
		if err != nil {
			if kept(tr) != 0 {
				t.Errorf("kept after %v", err)
			}
			return
		}
		old := &http.Transport{DialContext: dialling(newScript(answer, int(size)+1)), DisableCompression: true, MaxResponseHeaderBytes: maxHeader}
		defer old.CloseIdleConnections()
		if want, err := read(t.Context(), old, method); err != nil || got != want {
			t.Errorf("read as\n%s\nand by net/http as\n%s\n%v", got, want, err)
		}
	})
}

func TestAnAnswerWithoutAnEndIsGivenUp(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, of := range map[string]struct{ first, then string }{
		"a line":            {"HTTP/1.1 200 O", "K"},
		"headers":           {"HTTP/1.1 200 OK\r\n", "A: b\r\n"},
		"one header":        {"HTTP/1.1 200 OK\r\nX: ", "x"},
		"a folded header":   {"HTTP/1.1 200 OK\r\nX: ", "x\r\n "},
		"hints":             {"", "HTTP/1.1 103 Early Hints\r\n\r\n"},
		"empty lines":       {"", "\r\n"},
		"chunk extensions":  {chunked + "1;", "a=b;"},
		"the chunk's size":  {chunked, "0"},
		"empty chunks' own": {chunked, "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n"},
		"a trailer":         {chunked + "0\r\nX: ", "x"},
		"trailers":          {chunked + "0\r\n", "A: b\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript("", 1<<20)
			s.end = 1 << 30
			s.lines = func(i int64) byte {
				if i < int64(len(of.first)) {
					return of.first[i]
				}
				return of.then[(i-int64(len(of.first)))%int64(len(of.then))]
			}
			tr := New(Config{Dial: dialling(s)})
			if got, err := read(t.Context(), tr, http.MethodGet); err == nil || kept(tr) != 0 {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if most := int64(maxHeader + 2*bufferSize); s.said > most {
				t.Errorf("%d bytes were read, want at most %d", s.said, most)
			}
		})
	}
}

func TestAsManyHintsComeBeforeAnAnswerAsAServerThatWorksForLongGives(t *testing.T) {
	s := newScript(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100)+"HTTP/1.1 204 No Content\r\n\r\n", 100)
	tr := New(Config{Dial: dialling(s)})
	defer tr.CloseIdleConnections()
	if got, err := read(t.Context(), tr, http.MethodGet); err != nil || !strings.HasPrefix(got, "204") || kept(tr) != 1 {
		t.Errorf("%s, %v", got, err)
	}
}
