package echo

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"
)

// readWAV is a reader of its own: it walks the chunks and trusts no offset.
func readWAV(b []byte) (rate int, samples []int16, err error) {
	le := binary.LittleEndian
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" || int(le.Uint32(b[4:])) != len(b)-8 {
		return 0, nil, errors.New("no RIFF WAVE of the right size")
	}
	for rest := b[12:]; len(rest) > 0; {
		if len(rest) < 8 || len(rest)-8 < int(le.Uint32(rest[4:])) {
			return 0, nil, errors.New("a chunk is cut")
		}
		id, body := string(rest[:4]), rest[8:8+le.Uint32(rest[4:])]
		rest = rest[8+len(body):]
		switch id {
		case "fmt ":
			rate = int(le.Uint32(body[4:]))
			if le.Uint16(body) != 1 || le.Uint16(body[2:]) != 1 || int(le.Uint32(body[8:])) != 2*rate || le.Uint16(body[12:]) != 2 || le.Uint16(body[14:]) != 16 {
				return 0, nil, errors.New("not PCM, mono, 16 bit")
			}
		case "data":
			for ; len(body) > 1; body = body[2:] {
				samples = append(samples, int16(le.Uint16(body)))
			}
		}
	}
	return rate, samples, nil
}

func TestSoundIsAPlayableWAV(t *testing.T) {
	for _, text := range []string{"", "Hello there, how are you today?", "hmpf", "ありがとう", strings.Repeat("so sad ", 1000), "\xff\xfe"} {
		rate, samples, err := readWAV(mumble(text, feel(text)))
		if err != nil {
			t.Errorf("%.20q: %v", text, err)
			continue
		}
		long := time.Duration(len(samples)) * time.Second / time.Duration(rate)
		if rate != 8000 || long < 80*time.Millisecond || long > 2*time.Second {
			t.Errorf("%.20q: %v at %d Hz", text, long, rate)
		}
		var loudest int
		for _, s := range samples {
			loudest = max(loudest, int(s), -int(s))
		}
		if loudest < 3000 || loudest > 32000 {
			t.Errorf("%.20q: the loudest sample is %d", text, loudest)
		}
	}
}

func TestSyllablesFollowTheText(t *testing.T) {
	for text, want := range map[string]int{"Hello there": 4, "banana": 3, "beautiful": 3, "hmpf": 1, "": 1, "ありがとう": 5, strings.Repeat("la ", 99): maxSyllables} {
		if got := len(syllables(text)); got != want {
			t.Errorf("%.20q: %d syllables, want %d", text, got, want)
		}
	}
	short, long := mumble("no", neutral), mumble("another banana", neutral)
	if len(long) < 3*len(short) {
		t.Errorf("six syllables take %d bytes, one takes %d", len(long), len(short))
	}
}

func BenchmarkMumble(b *testing.B) {
	text := strings.Repeat("so very sad and slow ", 10)
	f := feel(text)
	for b.Loop() {
		mumble(text, f)
	}
}
