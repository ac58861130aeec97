package slack

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"avatarbridge/bridges/bridgetest"
)

func nobody(string) string { return "" }

func TestWhatPeopleReadOfSlacksSigns(t *testing.T) {
	names := func(id string) string { return map[string]string{"U1": "Anna <3", "W2": "Ben"}[id] }
	for in, want := range map[string]string{
		"a &lt;b&gt; &amp;amp; c":                  "a <b> &amp; c",
		"<@U1>, <@W2|benjamin> and <@U3>":          "@Anna <3, @Ben and @U3",
		"<@U4|dora>":                               "@dora",
		"in <#C1|general> or <#C2>":                "in #general or #C2",
		"<!here> <!channel> <!everyone|all>":       "@here @channel all",
		"<!subteam^S1|@team> <!subteam^S2>":        "@team @S2",
		"<!date^1392734382^{date}|yesterday>":      "yesterday",
		"<https://x.org/?a=1&amp;b=2>":             "https://x.org/?a=1&b=2",
		"<https://x.org|here>":                     "here (https://x.org)",
		"<http://www.x.org|www.x.org>":             "www.x.org",
		"<mailto:a@x.org|a@x.org>":                 "a@x.org",
		"<tel:123|call>":                           "call (tel:123)",
		"a <b> c <3 <@> <#> <!> <> <|x> <@u1> <-|": "a <b> c <3 <@> <#> @ <> <|x> <@u1> <-|",
		"&lt;!channel&gt;":                         "<!channel>",
	} {
		if got := plain(in, names); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestTheMentionThatOpensATextIsNoPartOfIt(t *testing.T) {
	for in, want := range map[string]string{
		"<@UBOT> hello": "hello", "<@UBOT>: hello": "hello", " <@UBOT|luna>,  <@UBOT> hi": "hi", "<@UBOT>": "",
		"hi <@UBOT>": "hi <@UBOT>", "<@U1> <@UBOT> hi": "<@U1> <@UBOT> hi", "": "",
	} {
		if got := behindMentions(in, "UBOT"); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// Whatever somebody types, the avatar reads it as it was typed.
func TestWhatSomebodyTypesComesThroughSlacksEscapes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"<", ">", "&", "&amp;", "&lt;", "<@U123>", "<!channel>", "|", "https://x.org/a?b=c&d=e", "www.x.org", " ", "mailto:", "http://", "\n",
		}))).Draw(t, "text")
		typed := strings.Join(parts, "")
		if got := plain(bridgetest.SlackEscape(typed, true), nobody); got != typed {
			t.Fatalf("typed %q, read %q", typed, got)
		}
	})
}

func FuzzPlain(f *testing.F) {
	for _, s := range []string{"<@U1|a>", "<!date^1^x|y>", "<https://x|<b>", "&&amp;lt;", "<@UBOT> <@UBOT>", "<!subteam^"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := plain(s, func(string) string { return "name" })
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("%q became %q", s, got)
		}
		if rest := behindMentions(s, "UBOT"); len(rest) > len(s) || strings.HasPrefix(rest, "<@UBOT>") {
			t.Errorf("%q: behind the mentions is %q", s, rest)
		}
		if len(mentioned(s)) > 10 {
			t.Error("more than ten mentions")
		}
		textCommand(s, true)
		slashCommand(s, s)
	})
}

// FuzzEvent decodes what Slack, or somebody in its name, may send; what is understood is complete.
func FuzzEvent(f *testing.F) {
	for _, s := range []string{
		`{"type":"event_callback","event":{"type":"message","channel":"C1","ts":"1600000000.000100","user":"U1","text":"<@U2> hi","thread_ts":"1.2"}}`,
		`{"type":"event_callback","event":{"type":"message","subtype":"message_changed","channel":"D1","ts":"1.1","message":{"ts":"1.0","user":"U1"}}}`,
		`{"type":"event_callback","event":{"type":"assistant_thread_started","assistant_thread":{"user_id":"U1","channel_id":"D1","thread_ts":"1.1"}}}`,
		`{"envelope_id":"e","type":"events_api","payload":{"type":"event_callback","event":[]}}`, `[]`, `null`, `{"type":7,"envelope_id":"e"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		env := readEnvelope(body)
		challengeOf(readRequest("application/json", body))
		readRequest("application/x-www-form-urlencoded", body)
		for _, b := range [][]byte{body, env.Payload} {
			c, m, err := readCallback(b)
			if err != nil {
				continue
			}
			if m.Type == "message" && (m.Channel == "" || timeOf(m.TS).IsZero()) {
				t.Errorf("%q is taken for a message", b)
			}
			m.attachments()
			c.within(&self{Team: "T1"})
			if p := m.place(); m.Type == "message" && !p.Direct && p.Thread == "" {
				t.Errorf("%q is answered outside of threads", b)
			}
		}
	})
}

func TestTimestampsAreReadAndWritten(t *testing.T) {
	for _, ts := range []string{"1600000000.000100", "1600000000.999999"} {
		if got := timestamp(timeOf(ts)); got != ts {
			t.Errorf("%q became %q", ts, got)
		}
	}
	for _, ts := range []string{"", "now", "1", "0.1", "-5.0", "1.x", "1e9.0", "99999999999999999999.0", "1.0000000001"} {
		if at := timeOf(ts); ts != "1" && !at.IsZero() {
			t.Errorf("%q is %v", ts, at)
		}
	}
}
