package telegram

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// answering is a bridge whose Bot API gives every call this answer.
func answering(t *testing.T, status int, answer string) *Bridge {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	cfg := Default()
	cfg.Name, cfg.Token, cfg.APIURL = "bot", "1:secret", server.URL
	b, err := New(cfg, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.transport.CloseIdleConnections)
	return b
}

func TestAPostIsSentWhateverElseIsInTheAnswer(t *testing.T) {
	for answer, want := range map[string]string{
		`{"ok":true,"result":{"message_id":7,"chat":{"id":1}}}`: "7",
		`{"ok":true,"result":{"message_id":7}} and more`:        "7",
		`{"ok":true,"result":{"message_id":"7"}}`:               "",
		`{"ok":true,"result":{"message_id":0}}`:                 "",
		`{"ok":true,"result":true}`:                             "",
		`{"ok":true}`:                                           "",
		`<html>proxy</html>`:                                    "",
	} {
		id, err := answering(t, http.StatusOK, answer).Send(t.Context(), textMessage(bridges.Place{Channel: "1"}, "hi"))
		if id != want || err != nil {
			t.Errorf("after %s the id is %q, want %q; %v", answer, id, want, err)
		}
	}
	_, err := answering(t, http.StatusOK, `{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}`).
		Send(t.Context(), textMessage(bridges.Place{Channel: "1"}, "hi"))
	if o := fault.Of(err); o == nil || o.Kind != fault.Dead {
		t.Errorf("a refusal with status 200 is %v", o)
	}
}

func TestUpdatesAreTheSameReadAtOnceOrOneByOne(t *testing.T) {
	all := []string{
		`{"update_id":1,"message":{"message_id":1,"date":1,` + anna + `,` + private + `,"text":"a"}}`,
		`{"update_id":2,"edited_message":{"message_id":1,"date":1,` + anna + `,` + private + `,"text":"b"},"message":null}`,
		`{"update_id":3,"poll":{"id":"x"}}`, `{"update_id":4,"channel_post":{}}`, `null`,
	}
	var atOnce []update
	if err := json.Unmarshal([]byte("["+strings.Join(all, ",")+"]"), &atOnce); err != nil {
		t.Fatal(err)
	}
	for i, raw := range all {
		if one := parse(json.RawMessage(raw)); !reflect.DeepEqual(one, atOnce[i]) {
			t.Errorf("%s is %+v by itself, and with the others %+v", raw, one, atOnce[i])
		}
	}
}
