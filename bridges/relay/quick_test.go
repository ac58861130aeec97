package relay

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"avatarbridge/bridges"
)

// anyText has what is escaped in JSON as well.
func anyText(t *rapid.T, label string) string {
	return rapid.OneOf(rapid.Just(""), rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("aé日😀<>&\"\\/\n\t\r\b\x00\x1f\x7f\u2028\u2029\ufffd ")))).Draw(t, label)
}

func anyTurn(t *rapid.T) turnBody {
	b := turnBody{V: bodyVersion, At: rapid.Int64().Draw(t, "at"), Text: anyText(t, "text"), Name: anyText(t, "name"), Locale: anyText(t, "locale"),
		Channel: anyText(t, "channel"), Message: anyText(t, "message"), Tenant: anyText(t, "tenant"), User: anyText(t, "user"), Answer: anyText(t, "answer")}
	for range rapid.IntRange(0, 2).Draw(t, "within") {
		b.Within = append(b.Within, anyText(t, "guild"))
	}
	if rapid.IntRange(0, 9).Draw(t, "voice") == 0 {
		b.Voice = &bridges.Attachment{Kind: "voice", Ref: anyText(t, "ref")}
	}
	return b
}

func anyPost(t *rapid.T) postBody {
	b := postBody{V: bodyVersion, Channel: anyText(t, "channel"), Remove: rapid.SampledFrom([]string{"", "", "", "7"}).Draw(t, "remove")}
	b.ReplyTo, b.Mention, b.Answer = anyText(t, "reply to"), anyText(t, "mention"), anyText(t, "answer")
	b.Notice = rapid.IntRange(0, 4).Draw(t, "notice") == 0
	for range rapid.IntRange(0, 2).Draw(t, "forms") {
		b.Forms = append(b.Forms, bridges.Form{Kind: anyText(t, "kind"), Text: anyText(t, "text")})
	}
	return b
}

// damaged is data with some bytes changed, left out or put in, perhaps.
func damaged(t *rapid.T, data []byte) []byte {
	data = append([]byte(nil), data...)
	for range rapid.IntRange(0, 3).Draw(t, "damages") {
		at := rapid.IntRange(0, len(data)-1).Draw(t, "where")
		switch c := rapid.SampledFrom([]byte("{}[]\",:\\0-9.eun\n \x00\xff")).Draw(t, "byte"); rapid.IntRange(0, 2).Draw(t, "how") {
		case 0:
			data[at] = c
		case 1:
			data = append(data[:at:at], append([]byte{c}, data[at:]...)...)
		default:
			if len(data) > 1 {
				data = append(data[:at], data[at+1:]...)
			}
		}
	}
	return data
}

func TestBodiesAreReadQuicklyAsTheyAreReadByEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := damaged(t, encode(anyTurn(t)))
		var want turnBody
		err := json.Unmarshal(data, &want)
		var got turnBody
		if ok := quickTurn(data, &got); ok && (err != nil || !reflect.DeepEqual(got, want)) {
			t.Fatalf("%q is read as %#v, want %#v, %v", data, got, want, err)
		}
		data = damaged(t, encode(anyPost(t)))
		var post postBody
		err = json.Unmarshal(data, &post)
		var read postBody
		if ok := quickPost(data, &read); ok && (err != nil || !reflect.DeepEqual(read, post)) {
			t.Fatalf("%q is read as %#v, want %#v, %v", data, read, post, err)
		}
	})
}

func TestUsualBodiesAreReadQuickly(t *testing.T) {
	turn := turnBody{V: bodyVersion, At: 1_700_000_000_000, Text: "Hi <there> & \"you\",\nhow is it?", Name: "Ann 😀", Locale: "de", Channel: "-100", Within: []string{"guild", "category"},
		Message: "5", Tenant: "T1", User: "U1", Answer: "token"}
	var got turnBody
	if ok := quickTurn(encode(turn), &got); !ok || !reflect.DeepEqual(got, turn) {
		t.Errorf("a turn is read as %#v, %v", got, ok)
	}
	post := postBody{V: bodyVersion, Channel: "-100"}
	post.ReplyTo, post.Mention, post.Answer = "5", "U1", "token"
	post.Forms = []bridges.Form{{Kind: "html", Text: "<b>Hi</b>\t&amp;\nyou"}, {Kind: "text", Text: "Hi"}}
	var read postBody
	if ok := quickPost(encode(post), &read); !ok || !reflect.DeepEqual(read, post) {
		t.Errorf("a post is read as %#v, %v", read, ok)
	}
}

func TestTheRecordingIsFoundInATurnWithAVoiceAlone(t *testing.T) {
	turn := turnBody{V: bodyVersion, Text: `they said "voice":{"ref":"no"}`}
	if ref := RecordingOf(encode(turn)); ref != "" {
		t.Errorf("in a text there is the recording %q", ref)
	}
	turn.Voice = &bridges.Attachment{Kind: "voice", Ref: "yes"}
	if ref := RecordingOf(encode(turn)); ref != "yes" {
		t.Errorf("the recording is %q", ref)
	}
}
