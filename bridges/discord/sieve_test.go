package discord

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"avatarbridge/bridges/bridgetest"
)

func TestWhatNobodyReadsIsLeftOut(t *testing.T) {
	for in, want := range map[string]string{
		`{"op":0,"d":{"id":"1","members":[{"a":"}]"},[]],"channels":[{"members":[7]}]}}`: `{"op":0,"d":{"id":"1","members":null,"channels":[{"members":[7]}]}}`,
		`{"d":{"members": {"x":1} ,"id":1}}`:                                             `{"d":{"members":null,"id":1}}`,
		`{"d":{"id":1,"emojis":"a,\"b"}}`:                                                `{"d":{"id":1,"emojis":null}}`,
		`{"d":{"emojis":7},"members":[1],"s":2}`:                                         `{"d":{"emojis":null},"members":[1],"s":2}`,
		`{"d":["members",{"roles":[1]}]}`:                                                `{"d":["members",{"roles":[1]}]}`,
		`{"d":{"name":"members","x":"roles"}}`:                                           `{"d":{"name":"members","x":"roles"}}`,
		`null`:                                                                           `null`,
	} {
		got, err := sift(iotest.OneByteReader(strings.NewReader(in)), make([]byte, 8))
		if err != nil || string(got) != want {
			t.Errorf("%s became %s, %v; want %s", in, got, err, want)
		}
	}
}

func TestBrokenPayloadsAreTold(t *testing.T) {
	for in, want := range map[string]error{
		`{"d":{"id":`: errNoJSON, `{"d":"x`: errNoJSON, `}`: errNoJSON,
		`{"d":{"name":"` + strings.Repeat("x", maxFrame) + `"}}`: errLarge,
	} {
		if _, err := sift(strings.NewReader(in), make([]byte, 8<<10)); !errors.Is(err, want) {
			t.Errorf("%.20s: %v, want %v", in, err, want)
		}
	}
	if _, err := sift(io.MultiReader(strings.NewReader(`{"a`), iotest.ErrReader(io.ErrUnexpectedEOF)), make([]byte, 8)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a connection that broke: %v", err)
	}
}

func FuzzSieve(f *testing.F) {
	f.Add([]byte(`{"op":0,"d":{"id":"1","members":[{"a":"}]"}],"x":{"roles":[1]}},"s":7}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := sift(bytes.NewReader(data), make([]byte, 7))
		if !json.Valid(data) {
			return
		}
		if err != nil {
			t.Fatalf("valid JSON is refused: %v", err)
		}
		var before, after any
		_ = json.Unmarshal(data, &before)
		if err := json.Unmarshal(got, &after); err != nil {
			t.Fatalf("%s became %s", data, got)
		}
		if root, ok := before.(map[string]any); ok {
			for _, part := range root {
				if d, ok := part.(map[string]any); ok {
					for k := range d {
						if unread[k] {
							d[k] = nil
						}
					}
				}
			}
		}
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("%s became %s", data, got)
		}
	})
}

func TestOfAHugeGuildOnlyItsChannelsAreKept(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	huge := w.d.AddHugeGuild("Huge", 50_000, 500, w.bot)
	b := w.bridge(nil)
	w.run(b)
	room := w.d.Text(huge)[100]
	w.says(room, w.bot.Mention()+" hello")
	e := w.heard(1)[0]
	if len(e.Within) != 2 || e.Within[0] != room.Parent().ID || e.Within[1] != huge.ID {
		t.Errorf("within %v", e.Within)
	}
	l := b.open.Load()
	l.tree.mu.Lock()
	known := len(l.tree.nodes)
	l.tree.mu.Unlock()
	if known < 500 || known > 600 {
		t.Errorf("%d channels are known", known)
	}
}

func TestATreeForgetsWhatIsGone(t *testing.T) {
	var tr tree
	tr.put(channel{ID: "1"}, "9")
	tr.put(channel{ID: "2", Parent: "1"}, "9")
	tr.put(channel{ID: "3"}, "8")
	if ids, missing := tr.within("2"); missing != "" || strings.Join(ids, " ") != "1 9" {
		t.Errorf("%v %v", ids, missing)
	}
	tr.drop("1")
	if _, missing := tr.within("2"); missing != "1" {
		t.Errorf("missing %q", missing)
	}
	tr.leave("9")
	if len(tr.nodes) != 1 || tr.guildOf("3") != "8" || tr.guildOf("2") != "" {
		t.Errorf("%v", tr.nodes)
	}
	tr.put(channel{ID: "5", Parent: "6"}, "8")
	tr.put(channel{ID: "6", Parent: "5"}, "8")
	if ids, _ := tr.within("5"); len(ids) > 4 {
		t.Errorf("%v", ids)
	}
}
