package config_test

import (
	"strings"
	"testing"

	"avatarbridge/cmd/avatarbridge/internal/config"
)

// A mistake is one fault, which says what was probably meant.
func TestOneMistakeIsOneFaultWithItsRemedy(t *testing.T) {
	const demo = "[avatars.demo]\nbackend = \"echo\"\n"
	for _, test := range []struct{ name, document, want string }{
		{"platform misspelt", demo + "[bridges.site]\nplatfrom = \"web\"\navatar = \"demo\"\n",
			`bridges.site.platform is missing: line 4 has "platfrom": did you mean "platform"?`},
		{"backend misspelt", "[avatars.demo]\nbakend = \"echo\"\n", `avatars.demo.backend is missing: line 2 has "bakend": did you mean "backend"?`},
		{"avatar misspelt", demo + "[bridges.site]\nplatform = \"web\"\navtar = \"demo\"\n", `bridges.site.avtar is no key here: did you mean "avatar"?`},
		{"key of another section", "[server]\nlisten = \"127.0.0.1:80\"\n" + demo + "[bridges.site]\nplatform = \"web\"\navatar = \"demo\"\npublic_url = \"https://x.example\"\n",
			`bridges.site.public_url is no key here: public_url belongs to [server] (line 1)`},
		{"key of a section that is not there", demo + "level = \"info\"\n", `avatars.demo.level is no key here: level belongs to [log]`},
		{"key of a bridge", demo + "reply_when = \"always\"\n", `avatars.demo.reply_when is no key here: reply_when belongs to a section like [bridges.my-telegram]`},
		{"key before any section", "public_url = \"https://x.example\"\n" + demo, `public_url is no key here: public_url belongs to [server]`},
		{"route alone", demo + "[bridges.site]\nplatform = \"web\"\navatar = \"demo\"\n[[bridges.my-telegram.routes]]\nchannels = [\"1\"]\n",
			`bridges.my-telegram.routes has no bridge: there is no [bridges.my-telegram] for this route; the file has "site"`},
		{"capital letter", "[avatars.Demo]\nbackend = \"echo\"\n[bridges.site]\nplatform = \"web\"\navatar = \"demo\"\n",
			`avatars.Demo has a name that cannot be part of an address: use at most 64 of a-z, 0-9, - and _, a letter or digit first, such as [avatars.demo]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := faults(t, test.document, nil)
			last := got[len(got)-1]
			if !strings.HasSuffix(last, test.want) || len(got) != 1 {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), test.want)
			}
		})
	}
}

func TestNoNameIsSuggestedThatIsItselfAFault(t *testing.T) {
	got := strings.Join(faults(t, "[avatars.\"My Luna\"]\nbackend = \"echo\"\n[bridges.site]\nplatform = \"web\"\navatar = \"luna\"\n", nil), "\n")
	if !strings.HasSuffix(got, `bridges.site.avatar is "luna", and there is no [avatars.luna]`) {
		t.Error(got)
	}
}

func TestANameOfARoomIsToldInTheWordsOfItsPlatform(t *testing.T) {
	kinds := kinds
	kinds.Platforms = append([]config.Kind{}, kinds.Platforms...)
	kinds.Platforms[0].RoomFault = func(id string) string {
		if id == "#general" {
			return "is a name; pigeons need the id"
		}
		return ""
	}
	_, err := config.Parse("config.toml", t.TempDir(), []byte(small+"[[bridges.loft.routes]]\nchannels = [\"1\", \"#general\"]\n"), kinds, environment(nil))
	if err == nil || !strings.HasSuffix(err.Error(), "bridges.loft.routes[0].channels[1] is a name; pigeons need the id") {
		t.Error(err)
	}
}

func TestASecretsFileThatIsMissingIsNamedUnlessItMayBeTheSecret(t *testing.T) {
	for written, want := range map[string]string{
		"/nowhere/token":      "of no use: /nowhere/token: no such file",
		"./token":             "/token: no such file",
		"123456:canary-7d1f":  "of no use: in /",
		"canary-7d1f/abcdef=": "of no use: below /",
		"/canary7d1fabcdef=":  "of no use: below /",
	} {
		got := faults(t, strings.ReplaceAll(small, `token = "t"`, `token_file = "`+written+`"`), nil)
		if len(got) != 1 || !strings.Contains(got[0], want) || strings.Contains(got[0], "canary") {
			t.Errorf("%s: %q, want %q", written, got, want)
		}
	}
}
