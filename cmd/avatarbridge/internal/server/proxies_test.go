package server

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

var proxies = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("::1/128"),
}

// behind returns the request as a handler behind the proxies sees it.
func behind(from string, header http.Header) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = from
	r.Header = header
	var seen *http.Request
	Behind(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r })).ServeHTTP(httptest.NewRecorder(), r)
	return seen
}

func TestTheClientIsTheLastAddressThatIsNoProxys(t *testing.T) {
	for _, test := range []struct {
		name, from string
		forwarded  []string
		want       string
	}{
		{"one proxy", "127.0.0.1:5000", []string{"203.0.113.7"}, "203.0.113.7:0"},
		{"two proxies", "127.0.0.1:5000", []string{"203.0.113.7, 10.1.2.3"}, "203.0.113.7:0"},
		{"what the client invents stands before it", "127.0.0.1:5000", []string{"8.8.8.8, 10.0.0.1, 203.0.113.7, 10.1.2.3"}, "203.0.113.7:0"},
		{"several lines are one", "127.0.0.1:5000", []string{"8.8.8.8", "203.0.113.7", "10.1.2.3"}, "203.0.113.7:0"},
		{"IPv6", "[::1]:5000", []string{"2001:db8::7"}, "[2001:db8::7]:0"},
		{"IPv6 with a port", "[fd00::1]:5000", []string{"[2001:db8::7]:4711"}, "[2001:db8::7]:4711"},
		{"IPv6 in brackets", "[::1]:5000", []string{"[2001:db8::7]"}, "[2001:db8::7]:0"},
		{"IPv4 with a port", "127.0.0.1:5000", []string{"203.0.113.7:4711"}, "203.0.113.7:4711"},
		{"IPv4 written as IPv6", "[::ffff:127.0.0.1]:5000", []string{"::ffff:203.0.113.7, ::ffff:10.0.0.1"}, "203.0.113.7:0"},
		{"a zone", "[::1]:5000", []string{"fe80::7%eth0"}, "[fe80::7]:0"},
		{"nothing", "127.0.0.1:5000", nil, "127.0.0.1:5000"},
		{"unknown", "127.0.0.1:5000", []string{"203.0.113.7, unknown, 10.0.0.9"}, "10.0.0.9:0"},
		{"unknown alone", "127.0.0.1:5000", []string{"unknown"}, "127.0.0.1:5000"},
		{"a socket", "127.0.0.1:5000", []string{"203.0.113.7, unix:"}, "127.0.0.1:5000"},
		{"garbage", "127.0.0.1:5000", []string{"203.0.113.7, <script>"}, "127.0.0.1:5000"},
		{"an empty element", "127.0.0.1:5000", []string{"203.0.113.7,"}, "127.0.0.1:5000"},
		{"a port alone", "127.0.0.1:5000", []string{":80"}, "127.0.0.1:5000"},
		{"proxies only", "127.0.0.1:5000", []string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1:0"},
		{"a stranger", "203.0.113.7:5000", []string{"8.8.8.8"}, "203.0.113.7:5000"},
		{"a stranger who claims to be a proxy", "203.0.113.7:5000", []string{"127.0.0.1"}, "203.0.113.7:5000"},
		{"no address at all", "@", []string{"8.8.8.8"}, "@"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := behind(test.from, http.Header{"X-Forwarded-For": test.forwarded}).RemoteAddr; got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestHeadersOfProxiesAreNotTakenFromStrangers(t *testing.T) {
	header := http.Header{
		"X-Forwarded-For": {"8.8.8.8"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Port": {"1"},
		"Forwarded": {"for=8.8.8.8"}, "X-Real-Ip": {"8.8.8.8"}, "Accept": {"text/html"},
	}
	for from, want := range map[string]int{"203.0.113.7:5000": 1, "127.0.0.1:5000": 2} {
		got := behind(from, header.Clone()).Header
		if len(got) != want || got.Get("Accept") != "text/html" {
			t.Errorf("from %s: %v", from, got)
		}
		if scheme := got.Get("X-Forwarded-Proto"); (scheme == "https") != (want == 2) {
			t.Errorf("from %s: scheme %q", from, scheme)
		}
	}
}

func TestTheSchemeIsOneOfTwoOrNone(t *testing.T) {
	for values, want := range map[string]string{
		"https": "https", "HTTP": "http", " https ": "https", "https,https": "https", "https, http": "", "ftp": "", "": "", "javascript:": "", "https,": "",
	} {
		got := behind("127.0.0.1:5000", http.Header{"X-Forwarded-Proto": strings.Split(values, "|")}).Header["X-Forwarded-Proto"]
		if strings.Join(got, "|") != want || want == "" && got != nil {
			t.Errorf("%q: %q, want %q", values, got, want)
		}
	}
}

func TestWithoutProxiesTheConnectionSaysWhoTheClientIs(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "127.0.0.1:5000"
	r.Header.Set("X-Forwarded-For", "8.8.8.8")
	Behind(nil, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(httptest.NewRecorder(), r)
	if r.RemoteAddr != "127.0.0.1:5000" || len(r.Header) != 0 {
		t.Errorf("%s %v", r.RemoteAddr, r.Header)
	}
}

func FuzzForwardedFor(f *testing.F) {
	f.Add("203.0.113.7, 10.1.2.3")
	f.Add("[::1%a]:1,,unknown")
	f.Fuzz(func(t *testing.T, forwarded string) {
		r := behind("127.0.0.1:5000", http.Header{"X-Forwarded-For": {forwarded}})
		if _, err := netip.ParseAddrPort(r.RemoteAddr); err != nil {
			t.Errorf("%q: the client is %q", forwarded, r.RemoteAddr)
		}
	})
}
