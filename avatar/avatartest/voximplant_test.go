package avatartest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"avatarbridge/avatar/avatartest"
)

func voximplant(t *testing.T, cfg avatartest.VoximplantConfig) *avatartest.Voximplant {
	t.Helper()
	v, err := avatartest.NewVoximplant(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// enter asks for the addresses as the documentation's first example does, and logs in at the first.
func enter(t *testing.T, c *http.Client, v *avatartest.Voximplant) (nlu, jwt string) {
	t.Helper()
	a := must(t)(do(t, c, "GET", v.URL()+"/platform_api/Logon?account_id="+v.AccountID()+"&api_key="+v.APIKey(), "", "", ""))
	named, _ := a.field(t, "nlu_addresses").([]any)
	if len(named) == 0 || a.field(t, "result") == "" {
		t.Fatalf("Logon: %s", a.body)
	}
	nlu, _ = named[0].(string)
	login := must(t)(do(t, c, "POST", nlu+"/api/v1/chats/login", "", "application/json", `{"accountId":"`+v.AccountID()+`","apiKey":"`+v.APIKey()+`"}`))
	jwt, _ = login.field(t, "jwt").(string)
	return nlu, jwt
}

// hook hears callbacks; it answers what answer says.
type hook struct {
	mu     sync.Mutex
	bodies []map[string]any
	codes  []int // of the first calls; later ones are 200
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m map[string]any
	if json.NewDecoder(r.Body).Decode(&m) != nil {
		m = nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bodies = append(h.bodies, m)
	if len(h.codes) > 0 {
		w.WriteHeader(h.codes[0])
		h.codes = h.codes[1:]
	}
}

func (h *hook) heard() []map[string]any {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]map[string]any(nil), h.bodies...)
}

func (h *hook) start(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func utter(t *testing.T, c *http.Client, v *avatartest.Voximplant, nlu, jwt, conversation, callback, text string) answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"callbackUri": callback, "utterance": text, "customData": `{"userUid":"u"}`})
	if err != nil {
		t.Fatal(err)
	}
	return must(t)(do(t, c, "POST", nlu+"/api/v1/chats/"+v.AvatarID()+"/"+conversation, jwt, "application/json", string(body)))
}

func TestCallbacksArePostedBeforeAfterAndAgainUntilTheyAreTaken(t *testing.T) {
	v, c, h := voximplant(t, avatartest.VoximplantConfig{RetryEvery: time.Millisecond}), client(t), &hook{codes: []int{200, 503, 500}}
	v.Answer(func(u avatartest.VoximplantUtterance) avatartest.VoximplantAnswer {
		return avatartest.VoximplantAnswer{
			Before: []avatartest.VoximplantCallback{{Response: "before"}},
			After:  []avatartest.VoximplantCallback{{Response: "after", Snake: true}, {Response: "twice", Times: 2}, {Final: true}},
		}
	})
	nlu, jwt := enter(t, c, v)
	if a := utter(t, c, v, nlu, jwt, "c1", h.start(t), "hello"); a.status != 200 {
		t.Fatalf("%+v", a)
	}
	if n := len(h.heard()); n < 1 {
		t.Error("nothing was posted before the utterance was answered")
	}
	if err := v.Await(t.Context(), avatartest.CallbackAnswered, 7); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, m := range h.heard() {
		text, _ := m["response"].(string)
		said = append(said, text)
	}
	if got := strings.Join(said, " "); got != "before after after after twice twice " {
		t.Errorf("posted %q", got)
	}
	all := h.heard()
	if all[0]["isFinal"] != false || all[0]["conversationId"] != "c1" || all[1]["is_final"] != false || all[1]["conversation_id"] != "c1" || all[6]["isFinal"] != true {
		t.Errorf("posted %v", all)
	}
	utter(t, c, v, nlu, jwt, "c1", "http://127.0.0.1:9/", "are you there")
	if u := v.Utterances(); !u[1].Over {
		t.Error("a conversation goes on after its end")
	}
}

func TestSleepingSessionsWakeWithWhatTheirScenarioKeeps(t *testing.T) {
	for forgetful, want := range map[bool]string{false: "2", true: "1"} {
		v, c, h := voximplant(t, avatartest.VoximplantConfig{Forgetful: forgetful, Answer: avatartest.CountUtterance}), client(t), &hook{}
		nlu, jwt := enter(t, c, v)
		url := h.start(t)
		utter(t, c, v, nlu, jwt, "c1", url, "one")
		v.Sleep()
		utter(t, c, v, nlu, jwt, "c1", url, "two")
		if err := v.Await(t.Context(), avatartest.CallbackAnswered, 2); err != nil {
			t.Fatal(err)
		}
		var last any
		for _, p := range v.Posts() {
			if p.Response == want {
				last = p.Response
			}
		}
		if last != want || v.Count(avatartest.SessionWoken) != 1 {
			t.Errorf("forgetful %v: posted %+v", forgetful, v.Posts())
		}
	}
}

func TestTheAvatarAPIWantsATokenInItsTimeAndItsOwnAvatar(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	v, c := voximplant(t, avatartest.VoximplantConfig{Now: clock, Lifetime: time.Minute}), client(t)
	nlu, jwt := enter(t, c, v)
	for what, a := range map[string]answer{
		"no token":     utter(t, c, v, nlu, "", "c", "http://127.0.0.1:9/", "hi"),
		"forged token": utter(t, c, v, nlu, jwt[:len(jwt)-4]+"AAAA", "c", "http://127.0.0.1:9/", "hi"),
	} {
		if a.status != 401 {
			t.Errorf("%s: status %d", what, a.status)
		}
	}
	if a := must(t)(do(t, c, "POST", nlu+"/api/v1/chats/another/c", jwt, "application/json", "{}")); a.status != 404 {
		t.Errorf("another avatar: status %d", a.status)
	}
	if a := utter(t, c, v, nlu, jwt, "c", "no address", "hi"); a.status != 400 {
		t.Errorf("no callbackUri: status %d", a.status)
	}
	mu.Lock()
	now = now.Add(2 * time.Minute)
	mu.Unlock()
	if a := utter(t, c, v, nlu, jwt, "c", "http://127.0.0.1:9/", "hi"); a.status != 401 {
		t.Errorf("an expired token: status %d", a.status)
	}
}

func TestLogonSaysAllIsWellInTheStatusOfItsErrors(t *testing.T) {
	v, c := voximplant(t, avatartest.VoximplantConfig{}), client(t)
	for query, code := range map[string]float64{"": 101, "?account_id=" + v.AccountID() + "&api_key=wrong": 100, "?account_id=1&api_key=" + v.APIKey(): 100} {
		a := must(t)(do(t, c, "GET", v.URL()+"/platform_api/Logon"+query, "", "", ""))
		e, _ := a.field(t, "error").(map[string]any)
		if a.status != 200 || e["code"] != code {
			t.Errorf("%q: %d %s", query, a.status, a.body)
		}
	}
	a := must(t)(do(t, c, "POST", v.URL()+"/platform_api/Logon", "", "application/x-www-form-urlencoded", "account_id="+v.AccountID()+"&api_key="+v.APIKey()))
	if a.field(t, "nlu_addresses") == nil {
		t.Errorf("a form: %s", a.body)
	}
}

func TestAnAddressThatIsDownRefusesConnections(t *testing.T) {
	v, c := voximplant(t, avatartest.VoximplantConfig{Addresses: 2}), client(t)
	v.Down(0)
	if _, err := do(t, c, "POST", v.Address(0)+"/api/v1/chats/login", "", "application/json", "{}"); err == nil {
		t.Error("it answers")
	}
	if a := must(t)(do(t, c, "POST", v.Address(1)+"/api/v1/chats/login", "", "application/json", "{}")); a.status != 401 {
		t.Errorf("the other one: status %d", a.status)
	}
}
