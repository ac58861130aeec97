package avatartest

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"strings"
	"sync"
)

// Answer is what a runner answers to a prompt. Empty fields are left out of it, as by the service; AudioUID is filled in for a Virtual
// with a voice.
type Answer struct {
	Text     string      `json:"text,omitempty"`
	Prompt   string      `json:"prompt,omitempty"`
	AudioUID string      `json:"audioUid,omitempty"`
	Body     *AnswerBody `json:"body,omitempty"`
	Raw      string      `json:"-"` // answered as it is, in place of all the rest
}

// AnswerBody is how the Virtual moves while it speaks.
type AnswerBody struct {
	UID       string `json:"uid,omitempty"`
	Sentiment string `json:"sentiment,omitempty"`
	URL       string `json:"url,omitempty"`
}

// Recall is the question to which Echo answers with all that it remembers of the person, the oldest first, "; " between them.
const Recall = "what did I say?"

// Echo is the default script: it repeats the prompt, is joyful about it, and answers Recall from memory.
func (v *Virtuals) Echo(p Prompt) Answer {
	text := "You said: " + p.Text
	if strings.EqualFold(p.Text, Recall) {
		text = "You said: " + strings.Join(v.Memory(p.VirtualID, p.UserUID), "; ")
	}
	return Answer{
		Text: text, Prompt: p.Text,
		Body: &AnswerBody{UID: "Happy_y_7", Sentiment: "joy", URL: "https://storage.example.com/vmds/joy/Happy_y_7.vmd"},
	}
}

// serveWAV answers any recording with a tenth of a second of silence.
func serveWAV(w http.ResponseWriter, _ *http.Request) {
	const rate, samples = 8000, 800
	var b bytes.Buffer
	b.WriteString("RIFF")
	_ = binary.Write(&b, binary.LittleEndian, uint32(36+2*samples)) // a bytes.Buffer never fails
	b.WriteString("WAVEfmt ")
	_ = binary.Write(&b, binary.LittleEndian, struct {
		Size             uint32
		Format, Channels uint16
		Rate, Bytes      uint32
		Align, Bits      uint16
	}{16, 1, 1, rate, 2 * rate, 2, 16})
	b.WriteString("data")
	_ = binary.Write(&b, binary.LittleEndian, uint32(2*samples))
	b.Write(make([]byte, 2*samples))
	writeBody(w, http.StatusOK, "audio/wav", b.Bytes())
}

type memoryKey struct{ virtual, user string }

// A memory is keyed as the wire says: by Virtual and person.
type memory struct {
	mu   sync.Mutex
	left int
	said map[memoryKey][]string
}

func (m *memory) add(k memoryKey, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left > 0 {
		m.left--
		m.said[k] = append(m.said[k], text)
	}
}

func (m *memory) of(k memoryKey) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.said[k]...)
}
