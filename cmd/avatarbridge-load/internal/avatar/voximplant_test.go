package avatar

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
)

func TestVoximplantCallsBackUntilTheReplyIsTaken(t *testing.T) {
	bodies := make(chan string, 9)
	refusals := 1
	program := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if refusals > 0 {
			refusals--
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		bodies <- r.URL.Path + " " + string(b)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer program.Close()
	l := ledger.New(2, 3)
	v, err := NewVoximplant(NewPlayer(l, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	post := func(path, body string) map[string]any {
		t.Helper()
		res, err := http.Post(v.URL()+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var said map[string]any
		if err := json.NewDecoder(res.Body).Decode(&said); err != nil || res.StatusCode != 200 {
			t.Errorf("%s: %d, %v", path, res.StatusCode, err)
		}
		return said
	}
	if said := post("/platform_api/Logon", "account_id=1"); len(said["nlu_addresses"].([]any)) != 1 {
		t.Errorf("Logon says %v", said)
	}
	if said := post("/api/v1/chats/login", "{}"); strings.Count(said["jwt"].(string), ".") != 2 {
		t.Errorf("login says %v", said)
	}
	post("/api/v1/chats/avatar/conversation-1", `{"callbackUri":"`+program.URL+`/cb","utterance":"m1.2. How are you?","customData":"{}"}`)
	post("/api/v1/chats/avatar/conversation-1/stop", "{}")
	if got := <-bodies; !strings.HasPrefix(got, `/cb {"isFinal":false,"response":"r1.2. `) || !strings.HasSuffix(got, `"conversationId":"conversation-1"}`) {
		t.Errorf("the callback is %s", got)
	}
	if _, asked, _ := l.Counts(); asked != 1 {
		t.Errorf("%d were asked", asked)
	}
}
