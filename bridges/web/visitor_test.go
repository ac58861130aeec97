package web

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// pageCookies asks a bridge for its page and returns the cookies that the answer sets.
func pageCookies(t *testing.T, b *Bridge, target string, change func(*http.Request)) []*http.Cookie {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.TLS = nil
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	b.Site().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: status %d", target, w.Code)
	}
	return w.Result().Cookies()
}

func stillBridge(t *testing.T, changes ...func(*Config)) *Bridge {
	t.Helper()
	b, err := New(settings(changes...), &kept{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.signer.Store(&tokens)
	return b
}

func TestAVisitorIsTheSameInEveryRequest(t *testing.T) {
	w := newWorld(t)
	anna, ben := w.browser(), w.browser()
	anna.open("/")
	ben.open("/chat/site")
	anna.says("m1", canary)
	ben.says("m1", canary)
	anna.open("/chat/site/")
	anna.says("m2", canary)
	anna.open("/")
	anna.says("m3", canary)
	events := w.rx.Stored()
	if len(events) != 4 {
		t.Fatalf("%d events, want 4", len(events))
	}
	id := string(anna.id())
	for _, i := range []int{0, 2, 3} {
		e := events[i]
		if e.From.User != id || e.Place.Channel != id || !e.Place.Direct || e.From.Platform != "web" || e.From.Tenant != "site" ||
			e.Key != id+"/"+e.Message {
			t.Errorf("event %d is %+v, want the visitor %s", i, e, id)
		}
	}
	if events[1].From.User == id || events[1].From.User != string(ben.id()) {
		t.Errorf("the second browser is %q, the first one %q", events[1].From.User, id)
	}
	if len(id) != 32 {
		t.Errorf("the id is %q", id)
	}
}

func TestTheCookieOfEachSituation(t *testing.T) {
	const host, local = "http://chat.example.com", "http://127.0.0.1:8080"
	frame := func(site string) func(*http.Request) {
		return func(r *http.Request) {
			r.TLS = &tls.ConnectionState{}
			r.Header.Set("Sec-Fetch-Dest", "iframe")
			r.Header.Set("Sec-Fetch-Site", site)
		}
	}
	const lax, none = " Path=/ MaxAge HttpOnly Lax", " Path=/ MaxAge HttpOnly Secure None Partitioned"
	for name, c := range map[string]struct {
		target, public string
		change         func(*http.Request)
		want           []string
	}{
		"plain HTTP":                           {host + "/chat/site", "", nil, []string{"avatarbridge-site" + lax}},
		"at /":                                 {host + "/", "", nil, []string{"avatarbridge-site" + lax}},
		"TLS":                                  {host + "/chat/site", "", func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, []string{"__Host-avatarbridge-site Path=/ MaxAge HttpOnly Secure Lax"}},
		"a proxy with TLS":                     {host + "/chat/site", "", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }, []string{"__Host-avatarbridge-site Path=/ MaxAge HttpOnly Secure Lax"}},
		"a public address with TLS":            {host + "/chat/site", "https://chat.example.com", nil, []string{"__Host-avatarbridge-site Path=/ MaxAge HttpOnly Secure Lax"}},
		"a public address, but here":           {local + "/chat/site", "https://chat.example.com", nil, []string{"avatarbridge-site Path=/ MaxAge HttpOnly Secure Lax"}},
		"a frame of another site":              {host + "/chat/site", "", frame("cross-site"), []string{"__Host-avatarbridge.framed.site" + none}},
		"a frame that is loaded again":         {host + "/chat/site", "", frame("same-origin"), []string{"__Host-avatarbridge.framed.site" + none, "__Host-avatarbridge-site Path=/ MaxAge HttpOnly Secure Lax"}},
		"a frame of another site without TLS":  {host + "/chat/site?embed", "", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, nil},
		"the embedded page in a window itself": {host + "/chat/site?embed=1", "", nil, []string{"avatarbridge-site" + lax}},
	} {
		t.Run(name, func(t *testing.T) {
			b := stillBridge(t, func(cfg *Config) { cfg.PublicURL = c.public })
			var got []string
			for _, cookie := range pageCookies(t, b, c.target, c.change) {
				got = append(got, describe(t, cookie))
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// describe writes a cookie's name and attributes, and checks its value and age.
func describe(t *testing.T, c *http.Cookie) string {
	t.Helper()
	if !tokens.issued(c.Value) {
		t.Errorf("the token %q is not well formed", c.Value)
	}
	s := c.Name + " Path=" + c.Path
	if c.MaxAge == 400*24*3600 {
		s += " MaxAge"
	}
	if c.HttpOnly {
		s += " HttpOnly"
	}
	if c.Secure {
		s += " Secure"
	}
	s += map[http.SameSite]string{http.SameSiteLaxMode: " Lax", http.SameSiteNoneMode: " None"}[c.SameSite]
	if c.Partitioned {
		s += " Partitioned"
	}
	if c.Domain != "" {
		s += " Domain"
	}
	return s
}

func TestAKnownVisitorKeepsTheToken(t *testing.T) {
	b := stillBridge(t)
	token := tokens.issue()
	for name, c := range map[string]struct {
		cookie string
		header [2]string
		want   string
	}{
		"in a window":                    {"avatarbridge-site", [2]string{"Sec-Fetch-Dest", "document"}, "avatarbridge-site"},
		"in a frame of the same domain":  {"avatarbridge-site", [2]string{"Sec-Fetch-Dest", "iframe"}, "avatarbridge-site"},
		"beside a cookie that is forged": {"avatarbridge-site=1234; avatarbridge-site", [2]string{"Sec-Fetch-Dest", "document"}, "avatarbridge-site"},
	} {
		got := pageCookies(t, b, "http://chat.example.com/", func(r *http.Request) {
			r.Header.Set("Cookie", c.cookie+"="+token)
			r.Header.Set(c.header[0], c.header[1])
		})
		if len(got) != 1 || got[0].Name != c.want || got[0].Value != token || got[0].MaxAge != cookieAge {
			t.Errorf("%s: the answer sets %v, want the same token for another while", name, got)
		}
	}
}

// A frame is asked for its own cookie only: what a browser sends besides, because it does not part cookies, is of the page in a window.
func TestAFramedVisitorKeepsTheToken(t *testing.T) {
	b := stillBridge(t)
	token := tokens.issue()
	for _, site := range []string{"cross-site", "same-origin"} {
		got := pageCookies(t, b, "https://chat.example.com/chat/site", func(r *http.Request) {
			r.TLS = &tls.ConnectionState{}
			r.Header.Set("Cookie", "__Host-avatarbridge.framed.site="+token)
			r.Header.Set("Sec-Fetch-Dest", "iframe")
			r.Header.Set("Sec-Fetch-Site", site)
		})
		if len(got) == 0 || got[0].Name != "__Host-avatarbridge.framed.site" {
			t.Fatalf("%s: the answer sets %v", site, got)
		}
		for _, c := range got {
			if c.Value != token {
				t.Errorf("%s: %s has another token", site, c.Name)
			}
		}
	}
}

func TestATokenOfOnesOwnMakingIsReplaced(t *testing.T) {
	w := newWorld(t)
	good := tokens.issue()
	for _, forged := range []string{"", "1234", "admin", good[:42], good + "A", good[:42] + "=", good[:42] + "B!", strings.Repeat("ä", 21) + "x",
		good[:42] + "/", strings.Repeat("A", 42) + "B", strings.Repeat("A", 43), signer("another secret").issue()} {
		br := w.browser()
		br.client.Jar = nil
		cookie := "avatarbridge-site=" + forged
		if got := br.post("messages", `{"id":"m1","text":"x"}`, "Content-Type", "application/json", "Cookie", cookie); got.code != "cookie" || got.status != http.StatusUnauthorized {
			t.Errorf("a message with the token %q was answered with %+v", forged, got)
		}
		resp, _ := br.open("/chat/site", "Cookie", cookie)
		if set := resp.Cookies(); len(set) != 1 || set[0].Value == forged || !tokens.issued(set[0].Value) {
			t.Errorf("the page for the token %q sets %v", forged, set)
		}
	}
	if n := len(w.rx.Offered()); n != 0 {
		t.Errorf("%d events were offered", n)
	}
}

func TestWhoHasNoCookieIsToldSo(t *testing.T) {
	w := newWorld(t)
	br := w.browser()
	if got := read(w, br.do(http.MethodGet, "/chat/site/events", nil)); got.status != http.StatusUnauthorized || got.code != "cookie" || got.words == "" {
		t.Errorf("the stream was answered with %+v", got)
	}
	for _, path := range []string{"messages", "reset", "voice?id=m1"} {
		if got := br.post(path, `{"id":"m1","text":"x"}`); got.status != http.StatusUnauthorized || got.code != "cookie" {
			t.Errorf("%s was answered with %+v", path, got)
		}
	}
}

// Two bridges on one host are two chats, with a cookie each.
func TestTwoPagesOfOneHostDoNotShareACookie(t *testing.T) {
	other := stillBridge(t, func(c *Config) { c.Name = "other" })
	got := pageCookies(t, other, "http://chat.example.com/chat/other", func(r *http.Request) {
		r.Header.Set("Cookie", "avatarbridge-site="+tokens.issue())
	})
	if len(got) != 1 || got[0].Name != "avatarbridge-other" {
		t.Errorf("the other page sets %v", got)
	}
}

// The program may be slower than whoever opens the page: without the secret it can neither know a cookie nor make one.
func TestBeforeRunHasOpenedCookiesStayAsTheyAre(t *testing.T) {
	w := stillWorld(t)
	old, fresh := w.browser(), w.browser()
	cookie := []string{"Cookie", "avatarbridge-site=" + tokens.issue()}
	for _, br := range []*browser{old, fresh} {
		if resp, _ := br.open("/", cookie...); resp.StatusCode != http.StatusOK || len(resp.Cookies()) != 0 {
			t.Errorf("%d, cookies %v", resp.StatusCode, resp.Cookies())
		}
		cookie = nil
	}
	if got := read(w, fresh.do(http.MethodGet, "/chat/site/events", nil)); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("answered with %+v", got)
	}
	w.run()
	if got := read(w, fresh.do(http.MethodGet, "/chat/site/events", nil)); got.code != "cookie" {
		t.Errorf("answered with %+v", got)
	}
	fresh.open("/")
	fresh.says("m1", "x")
}

func TestACookieOutlivesARestart(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	before := anna.id()
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	w.run()
	anna.says("m1", "x")
	if anna.open("/"); anna.id() != before || w.rx.Stored()[0].From.User != string(before) {
		t.Error("the visitor is another one after a restart")
	}
}
