package discord

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
)

// A voice is what Discord wants to know of a voice message.
type voice struct {
	seconds float64
	sizes   []int // of its packets
}

// maxPoints is the most that a waveform has (https://discord.com/developers/docs/resources/message#voice-messages).
const maxPoints = 256

// readVoice reads how long a sound in OGG with Opus is (RFC 3533, RFC 7845); false when it is something else.
func readVoice(data []byte) (voice, bool) {
	var v voice
	var skip, last uint64
	packet, pages := 0, 0
	for len(data) > 0 {
		if len(data) < 27 || string(data[:4]) != "OggS" {
			return v, false
		}
		segments := int(data[26])
		if len(data) < 27+segments {
			return v, false
		}
		lacing, body := data[27:27+segments], data[27+segments:]
		size := 0
		for _, s := range lacing {
			size += int(s)
			if packet += int(s); s < 255 {
				v.sizes = append(v.sizes, packet)
				packet = 0
			}
		}
		if len(body) < size {
			return v, false
		}
		if pages == 0 {
			if size < 19 || !bytes.HasPrefix(body, []byte("OpusHead")) {
				return v, false
			}
			skip = uint64(binary.LittleEndian.Uint16(body[10:]))
		}
		if at := binary.LittleEndian.Uint64(data[6:]); at != ^uint64(0) { // no packet ends on that page
			last = max(last, at)
		}
		data = body[size:]
		pages++
	}
	const headers, rate = 2, 48000
	if len(v.sizes) <= headers || last <= skip || last > rate*3600*24 {
		return v, false
	}
	v.sizes, v.seconds = v.sizes[headers:], float64(last-skip)/rate
	return v, true
}

// waveform is a picture of the sound. Louder sound takes larger packets, which is near enough.
func (v voice) waveform() string {
	n := min(len(v.sizes), maxPoints)
	points, largest := make([]byte, n), 1
	for _, s := range v.sizes {
		largest = max(largest, s)
	}
	for i := range points {
		from, to := i*len(v.sizes)/n, (i+1)*len(v.sizes)/n
		sum := 0
		for _, s := range v.sizes[from:to] {
			sum += s
		}
		points[i] = byte(sum * 255 / (largest * (to - from)))
	}
	return base64.StdEncoding.EncodeToString(points)
}
