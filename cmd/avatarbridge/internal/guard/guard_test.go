package guard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"avatarbridge/bridges/fault"
	"code.dny.dev/ssrf"
)

// names is a DNS server on 127.0.0.1 that gives names the IPv4 addresses of its map, and to others none.
func names(t *testing.T, hosts map[string]string) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(resolve(buf[:n], hosts), from)
		}
	})
	t.Cleanup(func() { pc.Close(); serving.Wait() })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

// resolve answers one DNS query for an A record; other types have no records.
func resolve(query []byte, hosts map[string]string) []byte {
	var labels []string
	i := 12
	for query[i] != 0 {
		labels = append(labels, string(query[i+1:i+1+int(query[i])]))
		i += 1 + int(query[i])
	}
	end := i + 5
	answer := append([]byte(nil), query[:end]...)
	answer[2], answer[3] = 0x81, 0x80
	copy(answer[6:12], make([]byte, 6))
	ip, ok := hosts[strings.Join(labels, ".")]
	if ok && binary.BigEndian.Uint16(query[i+1:]) == 1 {
		answer[7] = 1
		answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		answer = append(answer, netip.MustParseAddr(ip).AsSlice()...)
	}
	return answer
}

// guarded is a client for which the network of h's server, 127.0.0.2, is public and the rest of the machine is not. The server
// is public.example.com; inside.example.com is 127.0.0.1.
func guarded(t *testing.T, h http.Handler) (c *http.Client, base, port string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.Listener.Close()
	srv.Listener = ln
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	c = client(false, ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(netip.MustParsePrefix("127.0.0.2/32"))))
	c.Transport.(*vetted).dialer.Resolver = names(t, map[string]string{"public.example.com": "127.0.0.2", "inside.example.com": "127.0.0.1"})
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	c.Transport.(*vetted).TLSClientConfig = &tls.Config{RootCAs: roots}
	t.Cleanup(c.CloseIdleConnections)
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	return c, "https://public.example.com:" + port, port
}

// bystander is a server that nobody may reach.
func bystander(t *testing.T) (addr string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a private address was reached") }))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

func wantRefusal(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*Refusal](err); !ok {
		t.Fatalf("error %v, want a refusal", err)
	}
	if k := fault.Of(err).Kind; k != fault.Dead {
		t.Errorf("the refusal is %v, want dead", k)
	}
}

func TestClientReachesAPublicServerByNameWithHTTP2(t *testing.T) {
	c, base, _ := guarded(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	resp, err := c.Get(base)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "HTTP/2.0" {
		t.Errorf("answer %q", b)
	}
}

func TestClientRefusesANameThatResolvesToAPrivateAddress(t *testing.T) {
	c, _, _ := guarded(t, http.NotFoundHandler())
	_, port, _ := net.SplitHostPort(bystander(t))
	_, err := c.Get("https://inside.example.com:" + port)
	wantRefusal(t, err)
	if !strings.Contains(err.Error(), "allow_private") {
		t.Errorf("error %q does not name the setting", err)
	}
}

// What a name resolves to is seen when it is dialled and not before.
func TestClientThatTheProgramUsesRefusesANameThatResolvesToTheMachine(t *testing.T) {
	_, port, _ := net.SplitHostPort(bystander(t))
	c := Client(false)
	c.Transport.(*vetted).dialer.Resolver = names(t, map[string]string{"inside.example.com": "127.0.0.1", "metadata.example.com": "169.254.169.254"})
	for _, host := range []string{"inside.example.com", "metadata.example.com"} {
		_, err := c.Get("https://" + host + ":" + port)
		wantRefusal(t, err)
		if !strings.Contains(err.Error(), "is not public") {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestClientRefusesRedirectsInwards(t *testing.T) {
	inside := bystander(t)
	_, port, _ := net.SplitHostPort(inside)
	for name, to := range map[string]string{
		"a name":     "https://inside.example.com:" + port + "/",
		"an address": "https://" + inside + "/",
		"plain http": "http://" + inside + "/",
		"metadata":   "http://169.254.169.254/latest/meta-data/",
		"a file":     "file:///etc/passwd",
	} {
		t.Run(name, func(t *testing.T) {
			c, base, _ := guarded(t, http.RedirectHandler(to, http.StatusTemporaryRedirect))
			_, err := c.Post(base, "text/plain", strings.NewReader("body"))
			wantRefusal(t, err)
		})
	}
}

func TestClientFollowsThreeRedirectsAndNoMore(t *testing.T) {
	var hops int
	c, base, _ := guarded(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hops++
		if left := len(r.URL.Path) - 1; left > 0 {
			http.Redirect(w, r, r.URL.Path[:left], http.StatusFound)
		}
	}))
	resp, err := c.Get(base + "/abc")
	if err != nil {
		t.Fatalf("three redirects: %v", err)
	}
	resp.Body.Close()
	hops = 0
	_, err = c.Get(base + "/abcd")
	wantRefusal(t, err)
	if hops != 4 {
		t.Errorf("%d requests, want the first and three redirects", hops)
	}
}

func TestClientRefusesTheMachineItself(t *testing.T) {
	addr := bystander(t)
	c := Client(false)
	for _, u := range []string{"https://" + addr, "http://" + addr, "https://localhost:1"} {
		_, err := c.Get(u)
		wantRefusal(t, err)
	}
}

func TestClientOfAPrivateAvatarReachesTheMachineOverHTTP(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer srv.Close()
	resp, err := Client(true).Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusTeapot {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestClientIgnoresTheProxyOfTheEnvironment(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://"+bystander(t))
	if p := Client(false).Transport.(*vetted).Proxy; p != nil {
		t.Error("the client has a proxy, which would dial in its place")
	}
}

func TestTrustedKeepsCredentialsAtTheHostThatTheOperatorWrote(t *testing.T) {
	other := bystander(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/here":
			http.Redirect(w, r, "/there", http.StatusFound)
		case "/away":
			http.Redirect(w, r, "http://"+other+"/", http.StatusTemporaryRedirect)
		default:
			io.WriteString(w, r.Header.Get("X-Api-Key"))
		}
	}))
	defer srv.Close()
	for path, status := range map[string]int{"/here": http.StatusOK, "/away": http.StatusTemporaryRedirect} {
		req, _ := http.NewRequest(http.MethodGet, srv.URL+path, nil)
		req.Header.Set("X-Api-Key", "key")
		resp, err := Trusted().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("%s: status %d, want %d", path, resp.StatusCode, status)
		}
	}
}

func TestTrustedTakesABodyAndTheAddressesPasswordAlongWithinOneHost(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for status, path := range map[int]string{http.StatusTemporaryRedirect: "/307", http.StatusPermanentRedirect: "/308"} {
			if r.URL.Path == path {
				http.Redirect(w, r, "/there", status)
				return
			}
		}
		body, _ := io.ReadAll(r.Body)
		name, password, _ := r.BasicAuth()
		fmt.Fprintf(w, "%s %s %s %s:%s %s", r.Method, r.URL.Path, body, name, password, r.Header.Get("X-Api-Key"))
	}))
	defer srv.Close()
	c := Trusted()
	defer c.CloseIdleConnections()
	for _, path := range []string{"/307", "/308", "/there"} {
		req, err := http.NewRequest(http.MethodPost, strings.Replace(srv.URL, "//", "//ann:secret@", 1)+path, strings.NewReader("text"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Api-Key", "key")
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(got) != "POST /there text ann:secret key" {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}

func TestManyParallelCallsKeepTheirConnections(t *testing.T) {
	const calls = 200
	var opened atomic.Int32
	srv := httptest.NewUnstartedServer(nil)
	var gate atomic.Pointer[sync.WaitGroup]
	srv.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		all := gate.Load()
		all.Done()
		all.Wait() // each call is answered only when all have arrived
	})
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	c := Trusted()
	defer c.CloseIdleConnections()
	for range 3 {
		arrived := new(sync.WaitGroup)
		arrived.Add(calls)
		gate.Store(arrived)
		var wave sync.WaitGroup
		for range calls {
			wave.Go(func() {
				resp, err := c.Get(srv.URL)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			})
		}
		wave.Wait()
	}
	if n := opened.Load(); n != calls {
		t.Errorf("%d connections for waves of %d calls", n, calls)
	}
}
