package bridgetest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"avatarbridge/bridges/bridgetest"
)

func TestSlackEscapesWhatPeopleType(t *testing.T) {
	for _, c := range []struct {
		typed   string
		literal bool
		want    string
	}{
		{"a < b && c > d", false, "a &lt; b &amp;&amp; c &gt; d"},
		{"ask <@U012AB> in <#C012AB|general>", false, "ask <@U012AB> in <#C012AB|general>"},
		{"ask <@U012AB>", true, "ask &lt;@U012AB&gt;"},
		{"<!channel> & <!subteam^S1|x>", false, "<!channel> &amp; <!subteam^S1|x>"},
		{"see https://a.example/x?b=1&c=2.", false, "see <https://a.example/x?b=1&amp;c=2>."},
		{"see www.example.com, please", false, "see <http://www.example.com|www.example.com>, please"},
		{"<https://a.example|label>", false, "<https://a.example|label>"},
		{"&lt;", false, "&amp;lt;"},
		{"<b>bold</b>", false, "&lt;b&gt;bold&lt;/b&gt;"},
		{"", false, ""},
	} {
		if got := bridgetest.SlackEscape(c.typed, c.literal); got != c.want {
			t.Errorf("%q became %q, want %q", c.typed, got, c.want)
		}
	}
}

// Many people write at once while several sockets share the events: each event is acknowledged once, nothing is lost.
func TestSlackUnderLoad(t *testing.T) {
	w := newSlackWorld(t, slackPatient)
	const people, lines = 20, 10
	for range 3 {
		c := w.connect()
		go func() {
			for {
				var e slackEnvelope
				if c.ws.ReadJSON(&e) != nil || c.ws.WriteMessage(websocket.TextMessage, []byte(`{"envelope_id":"`+e.ID+`"}`)) != nil {
					return
				}
			}
		}()
	}
	var wg sync.WaitGroup
	for i := range people {
		wg.Go(func() {
			u := w.s.AddUser(w.team, fmt.Sprint("Person ", i))
			chat := w.s.Direct(w.app, u)
			for j := range lines {
				w.s.Write(bridgetest.SlackLine{Channel: chat, From: u, Text: fmt.Sprint(j)})
				resp, err := http.PostForm(w.s.URL()+"chat.postMessage", url.Values{"token": {w.app.BotToken}, "channel": {chat.ID}, "text": {fmt.Sprint(j)}})
				if err != nil {
					t.Error(err)
					return
				}
				_ = resp.Body.Close()
			}
			for j, p := range w.s.PostsIn(chat, "") {
				if p.Text != fmt.Sprint(j) {
					t.Errorf("post %d is %q", j, p.Text)
				}
			}
		})
	}
	wg.Wait()
	if n := w.s.PostCount(); n != people*lines {
		t.Errorf("%d posts, want %d", n, people*lines)
	}
	w.until(func() bool { return w.s.Unacknowledged(nil) == 0 }, "waiting for the acknowledgements")
	if w.s.GivenUp() != 0 || w.s.StrangeFrames() != 0 {
		t.Errorf("%d given up, %d strange frames", w.s.GivenUp(), w.s.StrangeFrames())
	}
}

// A program without a *testing.T drives a bridge, here played by plain calls, against the simulator.
func ExampleNewSlack() {
	s, err := bridgetest.NewSlack(bridgetest.SlackOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	team := s.AddTeam("Acme", "")
	app, anna := s.AddApp(team, bridgetest.SlackAppOptions{}), s.AddUser(team, "Anna")
	chat := s.Direct(app, anna)
	line := s.Write(bridgetest.SlackLine{Channel: chat, From: anna, Text: "Hello"})

	go func() { // the bridge: api_url is s.URL(), the tokens app.BotToken and app.AppToken
		resp, err := http.PostForm(s.URL()+"chat.postMessage", url.Values{
			"token": {app.BotToken}, "channel": {chat.ID}, "thread_ts": {line.TS}, "text": {"Hello, " + anna.Mention() + " &amp; all!"},
		})
		if err == nil {
			_ = resp.Body.Close()
		}
	}()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	post, err := s.WaitPost(ctx, func(p bridgetest.SlackPost) bool { return p.Thread == line.TS })
	fmt.Println(post.Text, len(post.Pings), err)
	// Output: Hello, @Anna & all! 1 <nil>
}
