package avatartest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges/fault"
)

// tinyLater is a small right backend for Voximplant, unless it has a flaw. It logs in for each call.
type tinyLater struct {
	*tiny
	v *Voximplant
}

func (b tinyLater) Patience() time.Duration { return time.Second }

func (b tinyLater) Ask(ctx context.Context, t avatar.Turn, say avatar.Speaker) error {
	if t.Callback == "" && b.flaw == "asks without a callback" {
		t.Callback = "http://127.0.0.1:9/"
	} else if t.Callback == "" {
		return fault.Kill("no callback", nil)
	}
	err := b.utter(ctx, t)
	if b.flaw == "says something of its own" && err == nil {
		_ = say.Say(ctx, avatar.Reply{Text: "Wait…"})
	}
	return err
}

func (b tinyLater) utter(ctx context.Context, t avatar.Turn) error {
	data, _ := json.Marshal(map[string]string{"userUid": t.UserUID, "userName": t.UserName})
	body, _ := json.Marshal(map[string]string{"callbackUri": t.Callback, "utterance": t.Text, "customData": string(data)})
	return b.chat(ctx, t, t.Conversation, body)
}

func (b tinyLater) End(ctx context.Context, conversation string) error {
	if b.flaw == "ends nothing it is not told" {
		return errors.New(b.v.APIKey() + " is not known")
	}
	err := b.chat(ctx, avatar.Turn{}, conversation+"/stop", []byte("{}"))
	if err != nil && err.Error() == "status 404" && b.flaw != "minds an unknown conversation" {
		return nil
	}
	return err
}

// chat logs in and makes one call of the avatar.
func (b tinyLater) chat(ctx context.Context, t avatar.Turn, path string, body []byte) error {
	header := http.Header{"Content-Type": {"application/json"}}
	logon := b.v.URL() + "/platform_api/Logon?account_id=" + b.v.AccountID() + "&api_key=" + b.v.APIKey()
	answer, err := b.post(ctx, t, logon, nil, header)
	var named struct {
		Addresses []string `json:"nlu_addresses"`
	}
	if err = errors.Join(err, json.Unmarshal(answer, &named)); err != nil || len(named.Addresses) == 0 {
		return err
	}
	login, _ := json.Marshal(map[string]string{"accountId": b.v.AccountID(), "apiKey": b.v.APIKey()})
	answer, err = b.post(ctx, t, named.Addresses[0]+"/api/v1/chats/login", login, header)
	var token struct{ JWT string }
	if err = errors.Join(err, json.Unmarshal(answer, &token)); err != nil {
		return err
	}
	header.Set("Authorization", "Bearer "+token.JWT)
	_, err = b.post(ctx, t, named.Addresses[0]+"/api/v1/chats/"+b.v.AvatarID()+"/"+path, body, header)
	return err
}

func (b tinyLater) Handler(say avatar.Speaker) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var c struct{ Response string }
		if json.NewDecoder(bytes.NewReader(body)).Decode(&c) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if b.flaw == "hears nothing before Ask returns" {
			return
		}
		if err := say.Say(r.Context(), avatar.Reply{Text: c.Response, Key: string(body)}); err != nil && b.flaw != "forgets what was not stored" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
}

func laterHarness(f flaw) Harness {
	return Harness{Later: true, Unsigned: true, patience: time.Second, New: func(t *testing.T) Subject {
		v, err := NewVoximplant(VoximplantConfig{})
		if err != nil {
			t.Fatal(err)
		}
		b := tinyLater{newTiny(nil, f), v}
		t.Cleanup(b.http.CloseIdleConnections)
		return Subject{Backend: b, Service: v}
	}}
}

func laterCheck(t *testing.T, name string) check {
	t.Helper()
	for _, c := range checksFor(t, laterHarness("")) {
		if c.name == name {
			return c
		}
	}
	t.Fatalf("no check is called %q", name)
	return check{}
}

func TestEachFlawOfLaterRepliesIsFound(t *testing.T) {
	for _, f := range []struct {
		flaw         flaw
		check, finds string
	}{
		{"asks without a callback", "a turn that nobody could answer fails for good, with a reason", "Ask returned nil"},
		{"hears nothing before Ask returns", "a reply that comes before Ask has returned is said", "said []"},
		{"forgets what was not stored", "a reply that cannot be stored fails the turn", "is lost"},
		{"says something of its own", "a turn is answered with its reply", "repl"}, // two of them, or another one first
		{"minds an unknown conversation", "a conversation that the service does not know can be ended", "404"},
		{"ends nothing it is not told", "a conversation that was asked can be ended", "not known"},
		{"ends nothing it is not told", "ending obeys ctx, and a service that cannot be reached is to be tried again", "tells"},
	} {
		t.Run(string(f.flaw), func(t *testing.T) {
			c := laterCheck(t, f.check)
			if err := c.try(t, laterHarness("")); err != nil {
				t.Errorf("a right backend fails %q: %v", f.check, err)
			}
			if err := c.try(t, laterHarness(f.flaw)); err == nil || !strings.Contains(err.Error(), f.finds) {
				t.Errorf("%q must say %q: %v", f.check, f.finds, err)
			}
		})
	}
}
