package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// calls is what the program that is started with a proxy in its environment does: net/http reads the environment once.
const calls = "TRANSPORT_TEST_CALLS"

func TestMain(m *testing.M) {
	if urls := os.Getenv(calls); urls != "" {
		callAll(strings.Fields(urls), os.Getenv("TRANSPORT_TEST_ROOT"), os.Getenv("TRANSPORT_TEST_SERVER"))
		return
	}
	os.Exit(m.Run())
}

// callAll posts to each URL, telling what it connects to and what the answer is. Any name is at server, but for the proxy's.
func callAll(urls []string, root, server string) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(root))
	tr := New(Config{TLS: &tls.Config{RootCAs: roots}, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		fmt.Println("to", address)
		if strings.Contains(address, "example.com") {
			address = server
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}})
	for _, url := range urls {
		_, got, err := call(context.Background(), tr, url, "text")
		fmt.Println(got, err)
	}
}

func TestTheProxyOfTheEnvironmentIsUsedAsNetHTTPUsesIt(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(echo))
	defer srv.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(echo))
	defer secure.Close()
	var mu sync.Mutex
	var asked []string
	proxy := raw(t, func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		mu.Lock()
		asked = append(asked, req.Method+" "+req.RequestURI)
		mu.Unlock()
		if req.Method != http.MethodConnect {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nproxy")
			return
		}
		to, err := net.Dial("tcp", secure.Listener.Addr().String())
		if err != nil {
			return
		}
		defer to.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { defer to.Close(); _, _ = io.Copy(to, r) }()
		_, _ = io.Copy(c, to)
	})
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), "HTTP_PROXY="+proxy, "HTTPS_PROXY="+proxy, "NO_PROXY=direct.example.com", "REQUEST_METHOD=",
		calls+"=http://plain.example.com/a https://example.com/b http://direct.example.com/c",
		"TRANSPORT_TEST_SERVER="+srv.Listener.Addr().String(),
		"TRANSPORT_TEST_ROOT="+string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	out, err := child.CombinedOutput()
	at := strings.TrimPrefix(proxy, "http://")
	want := fmt.Sprintf("to %s\nproxy <nil>\nto %s\ntext <nil>\nto direct.example.com:80\ntext <nil>\n", at, at)
	if err != nil || string(out) != want {
		t.Errorf("%v, it did\n%s\nwant\n%s", err, out, want)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(asked, ", "); got != "POST http://plain.example.com/a, CONNECT example.com:443" {
		t.Errorf("the proxy was asked for %s", got)
	}
}
