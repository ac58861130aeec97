package virtuals

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"avatarbridge/avatar"
)

func TestReplyIsReadLeniently(t *testing.T) {
	for body, want := range map[string]avatar.Reply{
		`{"text":" Hi, my dear! "}`:                                     {Text: "Hi, my dear!"},
		`{"text":"Hi","audioUid":null,"body":null,"prompt":null}`:       {Text: "Hi"},
		`{"text":"Hi","body":"anger"}`:                                  {Text: "Hi"},
		`{"text":"Hi","body":{"uid":["x"],"sentiment":{},"url":false}}`: {Text: "Hi"},
		`{"text":42}`:                                                                    {Text: "42"},
		`{"text":"Hi","audioUid":"audio-7"}`:                                             {Text: "Hi"},
		`{"text":"Hi","audioUid":"/audios/7.wav"}`:                                       {Text: "Hi"},
		`{"text":"Hi","audioUid":"javascript:alert(1)"}`:                                 {Text: "Hi"},
		`{"text":"Hi","audioUid":"https://"}`:                                            {Text: "Hi"},
		`{"audioUid":"http://a.example/x y.wav"}`:                                        {Audio: avatar.Audio{URL: "http://a.example/x%20y.wav"}},
		`{"body":{"sentiment":"joy"}}`:                                                   {Emotion: "joy"},
		`{"text":"Hi","body":{"uid":"F_1","sentiment":" anger ","url":"file:///a.vmd"}}`: {Text: "Hi", Emotion: "anger", Animation: avatar.Animation{Name: "F_1"}},
		`{"text":"Hi","body":{"uid":"` + strings.Repeat("x", 201) + `"},"more":[{}]}`:    {Text: "Hi"},
	} {
		got, ok := parseReply([]byte(body))
		if d := cmp.Diff(want, got); d != "" || !ok {
			t.Errorf("%.80s: ok %v %s", body, ok, d)
		}
	}
}

func TestAnswerWithNothingToShowIsNoReply(t *testing.T) {
	for _, body := range []string{"", "{}", "null", "[]", `"Hi"`, `[{"text":"Hi"}]`, `{"text":" \n"}`, `{"prompt":"Hello"}`, `{"text":{}}`, `{"text":"Hi"`, `{"text":"Hi"}x`, "<html>"} {
		if got, ok := parseReply([]byte(body)); ok {
			t.Errorf("%s gave %+v", body, got)
		}
	}
}

func FuzzParseReply(f *testing.F) {
	f.Add([]byte(`{"text":"Hi","prompt":"Hello","audioUid":"https://a.example/x.wav","body":{"uid":"F_1","sentiment":"anger","url":"https://a.example/x.vmd"}}`))
	f.Add([]byte(`{"error":{"message":"no","status":401}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, ok := parseReply(body)
		for _, u := range []string{r.Audio.URL, r.Animation.URL} {
			if u != "" && !strings.HasPrefix(u, "http://") && !strings.HasPrefix(u, "https://") {
				t.Errorf("the URL %q", u)
			}
		}
		if !ok && (r.Text != "" || r.Audio.URL != "") {
			t.Errorf("lost %+v", r)
		}
		a := &answer{status: 200, body: body}
		if _, _, failed := a.failure(); failed && ok && !strings.Contains(strings.ToLower(string(body)), "err") && !strings.Contains(string(body), `\u`) {
			t.Error("failed without an error")
		}
	})
}
