package virtuals

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"avatarbridge/avatar"
	"avatarbridge/avatar/avatartest"
	"avatarbridge/bridges/fault"
)

func spoken(text string) avatar.Turn {
	t := turn("u-1", "")
	t.Voice = avatartest.Voiced(text)
	return t
}

func TestVoiceMessageIsSentAsItIsWithWhatTextHas(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, func(c *Config) {
		c.BotName, c.Speech, c.Overrides = "Luna", false, map[string]any{"temperature": int64(1)}
	})
	in := spoken("Hello there")
	in.Voice.Type, in.Voice.Name, in.Text = "Audio/WebM; codecs=opus", "my secret diary.webm", "with a caption"
	var ear avatartest.Ear
	if err := r.b.Ask(t.Context(), in, &ear); err != nil {
		t.Fatal(err)
	}
	want := avatartest.Prompt{VirtualID: "1", UserUID: "u-1", Text: "Hello there", UserName: "Ann", BotName: "Luna", SkipTTS: true,
		Extra: map[string]any{"text": "with a caption"}, Audio: in.Voice.Data, AudioName: "recording.webm", AudioType: "audio/webm"}
	if d := cmp.Diff(want, r.sim.Prompts()[0]); d != "" {
		t.Error(d)
	}
	if said := ear.Replies(); len(said) != 1 || said[0].Heard != "Hello there" || said[0].Text != "You said: Hello there" {
		t.Errorf("said %+v", said)
	}
}

func TestVoiceMessageGoesOnWithARenewedToken(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, nil)
	r.ask(t, "u-1", "Hello")
	r.sim.Revoke("")
	var ear avatartest.Ear
	if err := r.b.Ask(t.Context(), spoken("Once more"), &ear); err != nil || len(ear.Replies()) != 1 {
		t.Errorf("%v, said %v", err, ear.Replies())
	}
	if m := r.sim.Memory("1", "u-1"); len(m) != 2 {
		t.Errorf("remembered %q", m)
	}
}

func TestVoiceThatIsNotTakenIsTheMessagesFault(t *testing.T) {
	silent := spoken("")
	silent.Voice.Data = nil
	for _, c := range []struct {
		name  string
		turn  avatar.Turn
		fault avatartest.Fault
		want  string // kind and a part of the reason
	}{
		{"empty", silent, avatartest.Fault{}, "rejected empty"},
		{"too large", spoken("canary"), avatartest.Answered(413, "text/plain", "canary"), "rejected larger"},
		{"form", spoken("canary"), avatartest.Answered(415, "application/json", `{"error":"canary"}`), "rejected form"},
		{"refused", spoken("canary"), avatartest.Answered(400, "application/json", `{"error":"canary"}`), "rejected refused"},
		{"balance", spoken("canary"), avatartest.Answered(400, "application/json", `{"error":"insufficient balance"}`), "dead balance"},
		{"key", spoken("canary"), avatartest.Refused(401), "dead api_key"},
		{"broken", spoken("canary"), avatartest.Broken(500), "retry"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, avatartest.VirtualsConfig{}, nil)
			if c.fault.Name != "" {
				r.sim.Break(avatartest.PromptReceived, -1, c.fault)
			}
			var ear avatartest.Ear
			err := r.b.Ask(t.Context(), c.turn, &ear)
			kind, word, _ := strings.Cut(c.want, " ")
			if o := fault.Of(err); o == nil || o.Kind.String() != kind || !strings.Contains(o.Reason, word) || ear.Tried() > 0 || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func TestVirtualWithoutAMindHearsNothing(t *testing.T) {
	r := newRig(t, avatartest.VirtualsConfig{}, func(c *Config) { c.VirtualID = "3" })
	if o := fault.Of(r.b.Ask(t.Context(), spoken("Hello"), &avatartest.Ear{})); o == nil || o.Kind != fault.Rejected {
		t.Errorf("%v", o)
	}
	r.wantCounts(t, map[avatartest.Step]int{avatartest.PromptReceived: 0, avatartest.VoiceAsked: 0})
}

func TestNamesAndTypesOfPeopleDoNotReachTheForm(t *testing.T) {
	for _, c := range []struct{ kind, name, wantKind, wantExt string }{
		{"audio/ogg", "", "audio/ogg", ".ogg"},
		{"audio/x-m4a", "a.b", "audio/x-m4a", ".m4a"},
		{"audio/amr", "memo.AMR", "audio/amr", ".amr"},
		{"", "memo.caf", "application/octet-stream", ".caf"},
		{"audio/\"x\r\nEvil: 1", `a."\r\n`, "application/octet-stream", ""},
		{"audio", "x", "application/octet-stream", ""},
	} {
		kind, ext := form(&avatar.Voice{Type: c.kind, Name: c.name})
		if kind != c.wantKind || ext != c.wantExt {
			t.Errorf("%q %q: %q %q", c.kind, c.name, kind, ext)
		}
	}
}
