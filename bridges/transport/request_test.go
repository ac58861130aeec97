package transport

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// recorder is a script that keeps what it hears.
type recorder struct {
	*script
	said bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.said.Write(p)
	return r.script.Write(p)
}

// FuzzARequestIsReadAsOneAndAsItWasMeant has a server read what is written for parts of which any may come from outside. What a server refuses
// is nobody else's request.
func FuzzARequestIsReadAsOneAndAsItWasMeant(f *testing.F) {
	for _, c := range [][6]string{
		{"POST", "example.com", "/a b", "c=d e", "X-Name", "Ann"},
		{"GET", "example.com:80", "//b", "c HTTP/1.1\r\nX: y", "X-Name", "Ann\r\nX: y"},
		{"GET / HTTP/1.1\r\nX:", "a\r\nX: y", "/%0d%0a", "%0d%0a", "X: y\r\nZ", ""},
		{"", "[::1]:80", "", "", "Content-Length", "3"},
		{"PUT", "[fe80::1%25eth0]", "*", "?", "Transfer-Encoding", "chunked"},
		{"HEAD", "ann:pw@example.com", "a", "#", "Host", "other.example.com"},
		{"POST", "example.com", "/", "", "transfer-encoding", "chunked"},
		{"POST", "example.com", "/", "", "content-LENGTH", "4"},
		{"DELETE", "bücher.example.com", "/ü", "ü", "Content-length", " 3 "},
		{"PATCH", "example.com:", "/\x7f", "\x00", "X-Name\n", "\tx\t"},
		{"OPTIONS", "a/b", "/..", "\\", "Connection", "close"},
	} {
		f.Add(c[0], c[1], c[2], c[3], c[4], c[5], "body")
		f.Add(c[0], c[1], c[2], c[3], c[4], c[5], "")
	}
	f.Fuzz(func(t *testing.T, method, host, path, query, name, value, text string) {
		u := &url.URL{Scheme: "http", User: url.UserPassword("ann", "secret"), Host: host, Path: path, RawQuery: query}
		req := Request(t.Context(), method, u, http.Header{name: {value}}, text)
		if !simple(req) {
			return // net/http writes it
		}
		r := &recorder{script: newScript("HTTP/1.1 204 No Content\r\n\r\n", 4096)}
		tr := New(Config{Dial: func(context.Context, string, string) (net.Conn, error) { return r, nil }})
		defer tr.CloseIdleConnections()
		if res, err := tr.RoundTrip(req); err != nil {
			if r.said.Len() > 0 {
				t.Errorf("%v, and %q was written", err, r.said.String())
			}
			return
		} else if res.Request != req {
			t.Error("the answer is to another request")
		}
		if strings.Contains(r.said.String(), "secret") && !strings.Contains(host+path+query+name+value+text+method, "secret") {
			t.Error("the address's password was written into the request")
		}
		from := bufio.NewReader(bytes.NewReader(r.said.Bytes()))
		got, err := http.ReadRequest(from)
		if err != nil {
			if strings.HasPrefix(path, "/") && token(host) {
				t.Errorf("%q is no request: %v", r.said.String(), err)
			}
			return
		}
		body, err := io.ReadAll(got.Body)
		if err != nil || string(body) != text || from.Buffered() > 0 {
			t.Errorf("%q has the body %q, %v, and %d bytes behind it", r.said.String(), body, err, from.Buffered())
		}
		if got.Method != method && method != "" || got.Host != host || len(got.Header) > 4 {
			t.Errorf("%q is %s of %q with %v", r.said.String(), got.Method, got.Host, got.Header)
		}
		if got.URL.Path != path && got.URL.Path != "/" && path != "" && path[0] == '/' && !strings.HasPrefix(path, "//") {
			t.Errorf("%q asks for %q", r.said.String(), got.URL.Path)
		}
	})
}
