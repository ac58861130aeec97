package telegram

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

func serve(t *testing.T, l *ledger.Ledger, h wire.Hooks) *Server {
	t.Helper()
	s, err := New(0, l, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// call makes a call and returns its status and its result.
func call(t *testing.T, s *Server, method string, params url.Values) (int, json.RawMessage) {
	t.Helper()
	res, err := http.PostForm(s.URL()+"/bot"+s.Token()+"/"+method, params)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	defer res.Body.Close()
	var body struct {
		OK     bool
		Result json.RawMessage
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil || body.OK != (res.StatusCode == 200) {
		t.Errorf("%s: %v, %v with status %d", method, err, body.OK, res.StatusCode)
	}
	return res.StatusCode, body.Result
}

type update struct {
	ID      int64 `json:"update_id"`
	Message struct {
		Text string
		Chat struct{ ID int64 }
	}
}

func fetch(t *testing.T, s *Server, offset int64, limit int) []update {
	t.Helper()
	_, raw := call(t, s, "getUpdates", url.Values{"offset": {fmt.Sprint(offset)}, "limit": {fmt.Sprint(limit)}})
	var all []update
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestUpdatesComeAgainUntilTheyAreConfirmed(t *testing.T) {
	s := serve(t, ledger.New(150, 1), wire.Hooks{})
	for c := range 150 {
		s.Write(c, 0)
	}
	first := fetch(t, s, 0, 0)
	if again := fetch(t, s, 0, 7); len(first) != 100 || len(again) != 7 || again[0].ID != first[0].ID {
		t.Fatalf("%d updates, then %d, from %d", len(first), len(again), again[0].ID)
	}
	if first[3].Message.Chat.ID != firstPerson+3 || !strings.HasPrefix(first[3].Message.Text, "m3.0.") {
		t.Errorf("an update is %+v", first[3])
	}
	rest := fetch(t, s, first[99].ID+1, 0)
	if len(rest) != 50 || rest[0].ID != first[99].ID+1 || s.Unconfirmed() != 50 {
		t.Errorf("%d updates are left, %d unconfirmed", len(rest), s.Unconfirmed())
	}
	if none := fetch(t, s, rest[49].ID+1, 0); len(none) != 0 || s.Unconfirmed() != 0 {
		t.Errorf("%d updates came after the last", len(none))
	}
}

func TestASecondPollerEndsTheFirst(t *testing.T) {
	polled := make(chan struct{})
	first := sync.OnceFunc(func() { close(polled) })
	s := serve(t, ledger.New(1, 1), wire.Hooks{Polled: first})
	ended := make(chan int)
	go func() {
		status, _ := call(t, s, "getUpdates", url.Values{"timeout": {"50"}})
		ended <- status
	}()
	<-polled
	// The first may not wait yet when the second comes, and is then the one that ends it: so the second does not wait.
	for status := 0; status == 0; {
		fetch(t, s, 0, 0)
		select {
		case status = <-ended:
			if status != 409 {
				t.Errorf("the first poll ended with %d", status)
			}
		default:
		}
	}
}

func TestPostsAreReadAndRefused(t *testing.T) {
	l := ledger.New(2, 1)
	first := make(chan [2]int, 1)
	s := serve(t, l, wire.Hooks{Posted: func(c, n int) { first <- [2]int{c, n} }})
	s.Write(1, 0)
	post := func(text string) int {
		status, _ := call(t, s, "sendMessage", url.Values{"chat_id": {Room(1)}, "text": {text}, "parse_mode": {"HTML"}})
		return status
	}
	s.Break(&wire.Fault{Status: 502})
	res, err := http.PostForm(s.URL()+"/bot"+s.Token()+"/sendMessage", url.Values{"chat_id": {Room(1)}, "text": {"r1.0."}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 502 || l.Sum().Answered != 0 {
		t.Errorf("status %d, %+v", res.StatusCode, l.Sum())
	}
	s.Break(nil)
	post("r1.0. How are you?")
	if got := <-first; got != [2]int{1, 0} {
		t.Errorf("the first reply was to %v", got)
	}
	post("r1.0. How are you?")
	post("I can't answer just now.")
	if sum := l.Sum(); sum.Answered != 1 || sum.Doubled != 1 || sum.Notices != 1 || sum.Strange != 0 {
		t.Errorf("%+v", sum)
	}
}

func TestPostsAreInFlightUntilTheProgramHasNotedOneOfTheirIDs(t *testing.T) {
	l := ledger.New(3, 1)
	s := serve(t, l, wire.Hooks{})
	ids := map[int][]string{}
	post := func(chat int) {
		_, raw := call(t, s, "sendMessage", url.Values{"chat_id": {Room(chat)}, "text": {fmt.Sprintf("r%d.0. Fine.", chat)}})
		var m struct {
			ID int64 `json:"message_id"`
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		ids[chat] = append(ids[chat], fmt.Sprint(m.ID))
	}
	for c := range 3 {
		s.Write(c, 0)
		post(c)
	}
	if n := s.Unsure(map[string]bool{ids[0][0]: true}); n != 2 {
		t.Errorf("%d posts are in flight, not 2", n)
	}
	post(1) // again, and now it is noted
	post(0) // again, although it was noted
	if n := s.Unsure(map[string]bool{ids[0][0]: true, ids[1][1]: true}); n != 0 {
		t.Errorf("%d posts are in flight, of which one is noted, one was before, and one was not posted again", n)
	}
	if sum := l.Sum(); sum.Unsure != 2 || sum.Doubled != 2 || sum.DoubledDue != 1 {
		t.Errorf("%+v", sum)
	}
}
