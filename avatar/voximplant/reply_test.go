package voximplant

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"avatarbridge/avatar"
)

func TestCallbacksAreReadInBothSpellings(t *testing.T) {
	for body, want := range map[string]avatar.Reply{
		`{"isFinal":false,"response":"Hi","customData":null,"conversationId":"c"}`:                                          {Text: "Hi"},
		`{"is_final":false,"response":"Hi","custom_data":null,"conversation_id":"c","current_state":"s","next_state":null}`: {Text: "Hi"},
		`{"isFinal":true,"response":"Bye"}`:                                                                 {Text: "Bye", Ends: true},
		`{"is_final":true,"response":""}`:                                                                   {Ends: true},
		`{"isFinal":true}`:                                                                                  {Ends: true},
		`{"response":""}`:                                                                                   {},
		`{"isFinal":null,"response":null,"customData":{}}`:                                                  {},
		`{"response":" Hi\n"}`:                                                                              {Text: "Hi"},
		`{"response":"Hi","customData":{"emotion":"joy"}}`:                                                  {Text: "Hi", Emotion: "joy"},
		`{"response":"Hi","customData":"{\"emotion\":\"joy\"}"}`:                                            {Text: "Hi", Emotion: "joy"},
		`{"response":"Hi","custom_data":"{\"emotion\":\"joy\"}"}`:                                           {Text: "Hi", Emotion: "joy"},
		`{"response":"Hi","customData":"not JSON"}`:                                                         {Text: "Hi"},
		`{"response":"Hi","customData":["emotion"]}`:                                                        {Text: "Hi"},
		`{"response":"Hi","customData":{"emotion":7,"buttons":"a"}}`:                                        {Text: "Hi"},
		`{"response":"Hi","customData":{"audio_url":"https://a/b.ogg"}}`:                                    {Text: "Hi", Audio: avatar.Audio{URL: "https://a/b.ogg"}},
		`{"response":"Hi","customData":{"audio_url":"file:///etc/pass"}}`:                                   {Text: "Hi"},
		`{"customData":{"audio_url":"https://a/b.ogg"}}`:                                                    {Audio: avatar.Audio{URL: "https://a/b.ogg"}},
		`{"response":"Pick","customData":{"buttons":["Yes","No"]}}`:                                         {Text: "Pick\n\n1. Yes\n2. No"},
		`{"response":"","customData":{"buttons":["Yes"]}}`:                                                  {Text: "1. Yes"},
		`{"response":"Pick","customData":{"buttons":[{"text":"A"},{"title":"B"},{"label":"C"},7,null,""]}}`: {Text: "Pick\n\n1. A\n2. B\n3. C"},
		`{"response":"Pick","customData":{"avatarPortalData":{"inlineKeyboardButtons":["One\nline"]}}}`:     {Text: "Pick\n\n1. One line"},
		`{"response":"Pick","customData":{"buttons":["*bold* [x](y)"]}}`:                                    {Text: "Pick\n\n1. \\*bold\\* \\[x\\]\\(y\\)"},
	} {
		got, err := parseReply([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
		} else if got.Text != want.Text || got.Emotion != want.Emotion || got.Audio.URL != want.Audio.URL || got.Ends != want.Ends {
			t.Errorf("%s: %+v, want %+v", body, got, want)
		}
	}
}

func TestWhatIsNoReplyIsRefusedWithoutAWordOfIt(t *testing.T) {
	for _, body := range []string{
		"", "null", "42", "[]", `"canary"`, "{", `{"response":{"canary":1}}`, `{"response":["canary"]}`, `{"isFinal":"canary"}`, `{"text":"canary"}`, "<html>canary",
		`{"response":"canary"} trailing`,
	} {
		_, err := parseReply([]byte(body))
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestButtonsStayWithinBounds(t *testing.T) {
	labels := make([]string, 1000)
	for i := range labels {
		labels[i] = strings.Repeat("ä", 10_000)
	}
	body, err := json.Marshal(map[string]any{"response": "Pick", "customData": map[string]any{"buttons": labels}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := parseReply(body)
	if err != nil {
		t.Fatal(err)
	}
	if n := utf8.RuneCountInString(r.Text); n > 20_000 || strings.Count(r.Text, "\n") > 60 {
		t.Errorf("%d runes in %d lines", n, strings.Count(r.Text, "\n"))
	}
}

func FuzzCallbackBody(f *testing.F) {
	for _, s := range []string{
		`{"isFinal":true,"response":"Hi","customData":"{\"buttons\":[\"a\",{\"text\":\"b\"}]}"}`,
		`{"is_final":false,"response":"","custom_data":{"emotion":"joy","audio_url":"https://a/b","avatarPortalData":{"inlineKeyboardButtons":["x"]}}}`,
		`{"customData":"null"}`, `{"response":"\ud800"}`, `{"customData":"\"\\\"{}\\\"\""}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parseReply(body)
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Errorf("%q is no JSON and was taken", body)
		}
		if !utf8.ValidString(r.Text) || !utf8.ValidString(r.Emotion) || len(r.Text) > 12*len(body)+100 {
			t.Errorf("%q became %q", body, r.Text)
		}
		if r.Audio.URL != "" && !absolute(r.Audio.URL) {
			t.Errorf("audio at %q", r.Audio.URL)
		}
	})
}
