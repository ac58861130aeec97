package webhook

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"avatarbridge/avatar"
	"avatarbridge/avatar/avatartest"
)

// post hands a callback to the handler of a backend without a secret.
func post(t *testing.T, id, body string, ear avatar.Speaker) *httptest.ResponseRecorder {
	t.Helper()
	b, err := New(Config{URL: "http://127.0.0.1:1"}, &http.Client{})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	if id != "" {
		r.Header.Set("webhook-id", id)
	}
	w := httptest.NewRecorder()
	b.Handler(ear).ServeHTTP(w, r)
	return w
}

func TestUnsignedCallbackIsHeardWithoutASecret(t *testing.T) {
	for id, keys := range map[string]string{"": ",", "r-1": "r-1/0,r-1/1"} {
		var ear avatartest.Ear
		if w := post(t, id, `[{"text":"one"},{"text":"two"}]`, &ear); w.Code != http.StatusNoContent {
			t.Fatalf("answered %d %s", w.Code, w.Body)
		}
		if said := ear.Replies(); len(said) != 2 || said[0].Key+","+said[1].Key != keys {
			t.Errorf("said %+v", said)
		}
	}
}

func TestBadCallbackIsAnsweredWithWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		id, body, want string
		status         int
	}{
		{"r", "", "empty", 400},
		{"r", "canary", "neither a JSON object nor a list", 400},
		{"r", `{"text":"canary`, "not valid JSON", 400},
		{"r", `{"text":1}`, "text must be a string", 400},
		{"r", `{"text":"a","end":"yes"}`, "end must be true or false", 400},
		{"r", `["canary"]`, "a reply must be a JSON object", 400},
		{"r", `[null]`, "at least one of text", 400},
		{"r", `{"message":"canary"}`, "at least one of text", 400},
		{"r", `{"text":"canary","audio_url":"/x.wav"}`, "audio_url is no absolute", 400},
		{"r", `{"animation_url":"file:///canary"}`, "animation_url is no absolute", 400},
		{"r", "[" + strings.Repeat(`{"text":"a"},`, maxReplies) + `{"text":"a"}]`, "more than 100", 400},
		{strings.Repeat("r", 201), `{"text":"canary"}`, "webhook-id", 400},
		{"r", strings.Repeat(" ", maxBody+1), "1 MiB", 413},
	} {
		var ear avatartest.Ear
		w := post(t, c.id, c.body, &ear)
		if got := w.Body.String(); w.Code != c.status || !strings.Contains(got, c.want) || strings.Contains(got, "canary") || ear.Tried() > 0 {
			t.Errorf("%.40q: answered %d %q, said %d times", c.body, w.Code, got, ear.Tried())
		}
	}
}

func TestOtherMethodsAreTurnedAway(t *testing.T) {
	w, b := newRig(t, avatartest.WebhookConfig{}, nil)
	r, err := w.CallbackRequest(t.Context(), "/", avatartest.Callback{Reply: avatartest.WebhookReply{Text: "Hi"}})
	if err != nil {
		t.Fatal(err)
	}
	r.Method = http.MethodPut
	rec := httptest.NewRecorder()
	b.Handler(&avatartest.Ear{}).ServeHTTP(rec, r)
	if rec.Code != http.StatusMethodNotAllowed || rec.Header().Get("Allow") != http.MethodPost {
		t.Errorf("answered %d, Allow %q", rec.Code, rec.Header().Get("Allow"))
	}
}

func TestBadSignatureIsExplainedToItsAuthor(t *testing.T) {
	for want, change := range map[string]func(http.Header){
		"are needed": func(h http.Header) { h.Del("webhook-signature") },
		"does not fit": func(h http.Header) {
			h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(make([]byte, 32)))
		},
		"five minutes": func(h http.Header) { h.Set("webhook-timestamp", "1700000000") },
		"in seconds":   func(h http.Header) { h.Set("webhook-timestamp", "yesterday") },
	} {
		w, b := newRig(t, avatartest.WebhookConfig{}, nil)
		r, err := w.CallbackRequest(t.Context(), "/", avatartest.Callback{Reply: avatartest.WebhookReply{Text: "Hi"}})
		if err != nil {
			t.Fatal(err)
		}
		change(r.Header)
		rec := httptest.NewRecorder()
		var ear avatartest.Ear
		b.Handler(&ear).ServeHTTP(rec, r)
		if rec.Code != http.StatusUnauthorized || !strings.Contains(rec.Body.String(), want) || ear.Tried() > 0 {
			t.Errorf("answered %d %q, want %q", rec.Code, rec.Body, want)
		}
	}
}

func FuzzCallback(f *testing.F) {
	f.Add("r-1", `{"text":"Hi!","audio_url":"https://a.example/x.wav","emotion":"joy","animation_url":"","end":true}`)
	f.Add("", `[{"text":"a"},{"end":true}]`)
	f.Fuzz(func(t *testing.T, id, body string) {
		var ear avatartest.Ear
		w := post(t, id, body, &ear)
		said := ear.Replies()
		if w.Code != http.StatusNoContent && (w.Code != http.StatusBadRequest || len(said) > 0 || w.Body.Len() == 0) {
			t.Errorf("answered %d %q and said %d replies", w.Code, w.Body, len(said))
		}
		keys := map[string]bool{}
		for i, r := range said {
			if r.Ends && i < len(said)-1 {
				t.Error("the conversation ends before its last reply")
			}
			if id != "" && keys[r.Key] {
				t.Errorf("the key %q stands twice", r.Key)
			}
			keys[r.Key] = true
		}
	})
}
