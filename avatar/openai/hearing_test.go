package openai

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avatarbridge/avatar"
	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
)

func hears(c *Config) { c.Transcribe = "whisper-1" }

func voiced(text string) avatar.Turn {
	t := turn("")
	t.Voice = avatartest.Voiced(text)
	return t
}

func TestVoiceMessageIsAnsweredLikeText(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{}, hears)
	in := voiced("  Hello there\n")
	in.Voice.Name = "my secret diary.ogg"
	r := ask(t, b, in)
	if r.Text != "You said: Hello there" || r.Heard != "Hello there" {
		t.Errorf("%+v", r)
	}
	want := avatartest.TranscriptionRequest{Model: "whisper-1", Language: "en", Format: "json", Name: "voice.ogg", Type: "audio/ogg", Audio: in.Voice.Data,
		Keys: []string{"file", "language", "model", "response_format"}}
	if d := cmp.Diff(want, o.Transcriptions()[0]); d != "" {
		t.Error(d)
	}
	in.Text = "A caption"
	if r := ask(t, b, in); r.Heard != "Hello there" || !strings.HasSuffix(heard(o), "user: A caption//Hello there") {
		t.Errorf("heard %q, told %s", r.Heard, heard(o))
	}
}

func TestOnlyAPlainLanguageIsAHint(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{}, hears)
	want := map[string]string{"de": "de", "pt-br": "", "": "", "xx": "", "EN": "", "de\r\n": "", "tok": ""}
	var got []string
	for locale := range want {
		in := voiced("Hi")
		in.Locale = locale
		ask(t, b, in)
		got = append(got, locale)
	}
	for i, r := range o.Transcriptions() {
		if r.Language != want[got[i]] || slices.Contains(r.Keys, "language") != (r.Language != "") {
			t.Errorf("%q: %q", got[i], r.Language)
		}
	}
}

func TestFileIsNamedAfterWhatItIs(t *testing.T) {
	for _, c := range []struct{ kind, name, want string }{
		{"audio/ogg", "", "ogg"}, {"audio/ogg; codecs=opus", "x.oga", "ogg"}, {"application/ogg", "", "ogg"}, {"audio/webm;codecs=", "", "webm"}, {"VIDEO/WEBM", "", "webm"},
		{"audio/mpeg", "", "mp3"}, {"audio/mp4", "", "mp4"}, {"audio/x-m4a", "", "m4a"}, {"audio/vnd.wave", "", "wav"}, {"audio/x-flac", "", "flac"},
		{"", "voice.OGA", "oga"}, {"application/octet-stream", "a.opus", "ogg"}, {"audio/amr", "a.amr", ""}, {"text/mp3", "", ""}, {"", "", ""}, {"audio/amr", "a.mp3\r\nx: y", ""},
	} {
		if got := extension(&avatar.Voice{Type: c.kind, Name: c.name}); got != c.want {
			t.Errorf("%q %q: %q, want %q", c.kind, c.name, got, c.want)
		}
	}
}

func TestUnheardVoiceIsClassified(t *testing.T) {
	voice := func(data []byte, kind string) avatar.Turn {
		in := turn("")
		in.Voice = &avatar.Voice{Data: data, Type: kind}
		return in
	}
	canary := voiced("canary")
	for _, c := range []struct {
		name  string
		turn  avatar.Turn
		fault avatartest.Fault
		want  string // kind and a part of the reason
		calls int
	}{
		{"silence", voiced(" \n"), avatartest.Fault{}, "rejected understood", 1},
		{"empty", voice(nil, "audio/ogg"), avatartest.Fault{}, "rejected empty", 0},
		{"of an unknown form", voice([]byte("canary"), "audio/amr"), avatartest.Fault{}, "rejected form", 0},
		{"too large", voice(make([]byte, maxVoice+1), "audio/ogg"), avatartest.Fault{}, "rejected 25 MiB", 0},
		{"too many words", voiced(strings.Repeat("canary ", 5000)), avatartest.Fault{}, "rejected words", 1},
		{"too large for the server", canary, avatartest.Answered(413, "text/html", "<html>canary"), "rejected larger", 1},
		{"too short", canary, answered(400, `{"error":{"message":"Audio file is too short. canary","code":"audio_too_short"}}`), "rejected too short", 1},
		{"unreadable", canary, answered(400, `{"error":{"message":"Invalid file format. canary"}}`), "rejected read", 1},
		{"refused", canary, answered(422, `{"detail":"canary"}`), "rejected check transcribe", 1},
		{"too long", canary, answered(400, `{"error":{"message":"audio is longer than the context window canary"}}`), "rejected refused", 1},
		{"key", canary, avatartest.Refused(401), "dead api_key", 1},
		{"model", canary, answered(404, `{"error":{"message":"The model canary does not exist","code":"model_not_found"}}`), `dead no model "whisper-1": check transcribe`, 1},
		{"no such path", canary, answered(404, "404 page not found"), "dead set transcribe_url", 1},
		{"throttled", canary, avatartest.TooMany(7 * time.Second), "throttled", 1},
		{"quota", canary, avatartest.QuotaUsedUp(), "dead billing", 1},
		{"broken", canary, avatartest.Broken(503), "retry", 1},
		{"cut", canary, avatartest.Cut().Late(), "retry", 1},
		{"error with 200", canary, answered(200, `{"error":{"message":"canary","code":500}}`), "retry", 1},
		{"no transcript", canary, answered(200, `{"transcript":"canary"}`), "retry no transcript", 1},
		{"page", canary, avatartest.Proxy(200), "retry no transcript", 1},
		{"endless", canary, avatartest.Huge(2 << 20), "dead 1 MiB", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, b := newRig(t, avatartest.OpenAIConfig{}, hears)
			if c.fault.Name != "" {
				o.Break(avatartest.TranscriptionAsked, -1, c.fault)
			}
			var ear avatartest.Ear
			err := b.Ask(t.Context(), c.turn, &ear)
			kind, word, _ := strings.Cut(c.want, " ")
			if f := fault.Of(err); f == nil || f.Kind.String() != kind || !strings.Contains(f.Reason, word) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v, want %s", err, c.want)
			}
			if n := len(o.Transcriptions()); n != c.calls || o.Count(avatartest.ChatReceived) > 0 || ear.Tried()+len(ear.Drafts()) > 0 {
				t.Errorf("%d transcriptions, %d chats, said %v", n, o.Count(avatartest.ChatReceived), ear.Replies())
			}
		})
	}
}

func TestAvatarThatDoesNotHearSaysSo(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{}, nil)
	err := b.Ask(t.Context(), voiced("canary"), &avatartest.Ear{})
	if f := fault.Of(err); b.Hears() || f == nil || f.Kind != fault.Rejected || !strings.Contains(f.Reason, "set transcribe") || len(o.Transcriptions()) > 0 {
		t.Errorf("hears %v: %v", b.Hears(), err)
	}
}

func TestVoicesAreWrittenDownByAnotherServerWithItsOwnKey(t *testing.T) {
	const other = "sk-of-the-other-server"
	ears, err := avatartest.NewOpenAI(avatartest.OpenAIConfig{APIKey: other})
	if err != nil {
		t.Fatal(err)
	}
	defer ears.Close()
	o, b := newRig(t, avatartest.OpenAIConfig{Dialect: avatartest.Ollama}, func(c *Config) {
		c.Transcribe, c.TranscribeURL, c.TranscribeKey = "whisper-1", ears.URL()+"/", other
	})
	if r := ask(t, b, voiced("Hello")); r.Text != "You said: Hello" || len(o.Chats()) != 1 || len(ears.Transcriptions()) != 1 {
		t.Errorf("%+v", r)
	}
	b.cfg.TranscribeKey = "wrong-canary"
	err = b.Ask(t.Context(), voiced("Hello"), &avatartest.Ear{})
	if f := fault.Of(err); f == nil || f.Kind != fault.Dead || !strings.Contains(f.Reason, "transcribe_key") || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
	b.cfg.TranscribeKey = ""
	if f := fault.Of(b.Ask(t.Context(), voiced("Hello"), &avatartest.Ear{})); f == nil || !strings.Contains(f.Reason, "set transcribe_key") {
		t.Errorf("%v", f)
	}
}

func TestStalledTranscriptionLeavesTimeAndIsTriedAgain(t *testing.T) {
	o, b := newRig(t, avatartest.OpenAIConfig{}, hears)
	o.Break(avatartest.TranscriptionAsked, 1, avatartest.Stalled())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if f := fault.Of(b.Ask(ctx, voiced("Hello"), &avatartest.Ear{})); f == nil || f.Kind != fault.Retry || ctx.Err() != nil {
		t.Errorf("%v, ctx %v", f, ctx.Err())
	}
}

func FuzzTranscript(f *testing.F) {
	for _, s := range []string{`{"text":"Hi"}`, `{"text":" "}`, `{"text":null}`, `{"error":"x"}`, `{"text":"Hi","error":{"code":429}}`, "[]", `{"text":"\ud800"}`} {
		f.Add([]byte(s))
	}
	cfg := Default()
	cfg.BaseURL, cfg.Model, cfg.Transcribe = "http://127.0.0.1:1/v1", "m", "w"
	b := &Backend{cfg: cfg, log: discard, now: fixed}
	b.base, _ = base(cfg.BaseURL)
	f.Fuzz(func(t *testing.T, body []byte) {
		text, err := b.transcript(b.place(transcribePath), body)
		if (text == "") == (err == nil) || len(text) > maxTranscript || err != nil && len(err.Error()) > 400 {
			t.Errorf("%q and %v of %q", text, err, body)
		}
	})
}
