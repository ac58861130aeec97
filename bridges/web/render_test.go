package web

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// kinds are the forms of pieces, in short.
func kinds(pieces []bridges.Message) string {
	var all []string
	for _, p := range pieces {
		var forms []string
		for _, f := range p.Forms {
			forms = append(forms, f.Kind)
		}
		all = append(all, strings.Join(forms, ">"))
	}
	return strings.Join(all, " ")
}

func TestWhatBecomesOfAMessage(t *testing.T) {
	const at, clip = "https://example.com/s.mp3", "https://example.com/c.mp4"
	sound := func(mode bridges.AudioMode, link string) *bridges.Audio {
		return &bridges.Audio{Source: "s", Link: link, Mode: mode}
	}
	for name, c := range map[string]struct {
		m    bridges.Message
		want string
		said string // of the first piece
	}{
		"nothing":                    {bridges.Message{}, "", ""},
		"nothing to see":             {bridges.Message{Text: " \n\u200b", Emotion: " \n", Animation: "javascript:alert(1)"}, "", ""},
		"text":                       {bridges.Message{Text: "**a** <b>"}, "say", `{"html":"<p><strong>a</strong> &lt;b&gt;</p>"}`},
		"a feeling alone":            {bridges.Message{Emotion: "joy\n"}, "say", `{"html":"","emotion":"joy"}`},
		"a clip":                     {bridges.Message{Animation: clip}, "say", `{"html":"","animation":"` + clip + `"}`},
		"a sound and its link":       {bridges.Message{Text: "x", Audio: sound(bridges.AudioNative, at)}, "say sound>say", `{"html":"<p>x</p>"}`},
		"a file":                     {bridges.Message{Text: "x", Audio: sound(bridges.AudioFile, "")}, "say sound", `{"html":"<p>x</p>"}`},
		"a sound alone":              {bridges.Message{Audio: sound(bridges.AudioNative, "/media/x")}, "sound", ""},
		"a link":                     {bridges.Message{Text: "x", Audio: sound(bridges.AudioLink, at)}, "say", `{"html":"<p>x</p>","link":"` + at + `"}`},
		"a link by default":          {bridges.Message{Text: "x", Audio: sound("", at)}, "say", `{"html":"<p>x</p>","link":"` + at + `"}`},
		"a link that is none":        {bridges.Message{Text: "x", Audio: sound("", "")}, "say sound", `{"html":"<p>x</p>"}`},
		"a link that is no address":  {bridges.Message{Text: "x", Audio: &bridges.Audio{Link: "javascript:alert(1)"}}, "say", `{"html":"<p>x</p>"}`},
		"no sound":                   {bridges.Message{Text: "x", Audio: sound(bridges.AudioOff, at)}, "say", `{"html":"<p>x</p>"}`},
		"no sound, and nothing else": {bridges.Message{Audio: sound(bridges.AudioOff, at)}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.m.ReplyTo = "m1"
			pieces := stillBridge(t).Fit(c.m)
			if kinds(pieces) != c.want || (pieces == nil) != (c.want == "") {
				t.Fatalf("got %q, want %q", kinds(pieces), c.want)
			}
			for i, p := range pieces {
				if p.Text != "" || p.Audio != nil || (p.ReplyTo == "m1") != (i == 0) {
					t.Errorf("piece %d is %+v", i, p)
				}
			}
			if c.said == "" {
				return
			}
			var got, want said
			if err := json.Unmarshal([]byte(pieces[0].Forms[0].Text), &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(c.said), &want); err != nil {
				t.Fatal(err)
			}
			if *got.HTML != *want.HTML || got.Link != want.Link || got.Emotion != want.Emotion || got.Animation != want.Animation {
				t.Errorf("says %s, want %s", pieces[0].Forms[0].Text, c.said)
			}
		})
	}
}

func TestTheLinkStandsInForASoundThatCannotBeServed(t *testing.T) {
	w := stillWorld(t)
	pieces := w.b.Fit(bridges.Message{Audio: &bridges.Audio{Source: "s", Link: "https://example.com/s.mp3", Mode: bridges.AudioNative}})
	w.media.fail(fault.Reject("too large", nil))
	m := pieces[0]
	if _, err := w.b.Send(t.Context(), m); fault.Of(err).Kind != fault.Rejected {
		t.Fatalf("Send returned %v", err)
	}
	m.ID, m.Forms = "p7", m.Forms[1:]
	id, err := w.b.Send(t.Context(), m)
	if err != nil || id != "p7" {
		t.Fatalf("Send returned %q, %v", id, err)
	}
	got, ok := shownItem(&bridges.Item{ID: 1, Post: id, Form: m.Forms[0]}, "v")
	if !ok || *got.HTML != "" || got.Link != "https://example.com/s.mp3" || got.Audio != nil {
		t.Errorf("the page shows %+v, %v", got, ok)
	}
}

func TestWhatServingASoundSaysIsPassedOn(t *testing.T) {
	w := stillWorld(t)
	m := bridges.Message{Forms: []bridges.Form{{Kind: formSound, Audio: &bridges.Audio{Source: "s"}}}}
	want := fault.Throttle(fault.Avatar, 0, errors.New("slow down"))
	w.media.fail(want)
	if _, err := w.b.Send(t.Context(), m); !errors.Is(err, want) {
		t.Errorf("Send returned %v", err)
	}
}

func TestWhatCannotBeSentIsRefusedForGood(t *testing.T) {
	silent, err := New(settings(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	audio := &bridges.Audio{Source: "s", Link: "https://example.com/s.mp3", Mode: bridges.AudioNative}
	for name, c := range map[string]struct {
		b     *Bridge
		forms []bridges.Form
		want  fault.Kind
	}{
		"no form":            {stillBridge(t), nil, fault.Dead},
		"an unknown form":    {stillBridge(t), []bridges.Form{{Kind: "hologram"}}, fault.Rejected},
		"a sound of nothing": {stillBridge(t), []bridges.Form{{Kind: formSound}}, fault.Rejected},
		"a sound, no media":  {silent, []bridges.Form{{Kind: formSound, Audio: audio}}, fault.Rejected},
	} {
		if _, err := c.b.Send(t.Context(), bridges.Message{Forms: c.forms}); err == nil || fault.Of(err).Kind != c.want {
			t.Errorf("%s: Send returned %v", name, err)
		}
	}
	if got := kinds(silent.Fit(bridges.Message{Text: "x", Audio: audio})); got != "say" {
		t.Errorf("without media a sound becomes %q", got)
	}
	if silent.hears() {
		t.Error("without media the page listens")
	}
}

func TestALongTextIsOneMessage(t *testing.T) {
	text := strings.Repeat("a **word** and `code`\n\n", 5000)
	if pieces := stillBridge(t).Fit(bridges.Message{Text: text}); kinds(pieces) != "say" || len(pieces[0].Forms[0].Text) < len(text) {
		t.Errorf("it became %q", kinds(pieces))
	}
}

func TestOnlyAddressesOfTheWebAreLinks(t *testing.T) {
	for in, want := range map[string]bool{
		"https://example.com/a?b=c#d": true, "http://127.0.0.1/x": true, "HTTPS://example.com": true,
		"": false, "javascript:alert(1)": false, "data:text/html,x": false, "/media/x": false, "//example.com": false, "https://": false, "https:example.com": false,
		"https://example.com/a b": false, "https://example.com/\n": false, "https://example.com/" + strings.Repeat("x", maxLink): false, " https://example.com": false,
	} {
		if got := link(in); (got == in && in != "") != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}
