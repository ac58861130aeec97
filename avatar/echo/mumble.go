package echo

import (
	"encoding/binary"
	"math"
	"unicode"
)

const (
	sampleRate   = 8000 // Hz: what a telephone carries is enough for babble
	maxSyllables = 12
	maxSamples   = 2 * sampleRate
)

// formants are the two lowest resonances of the mouth, in Hz, by which ears tell vowels apart.
type formants struct{ low, high float64 }

var vowels = map[rune]formants{
	'a': {750, 1200}, 'e': {450, 1900}, 'i': {300, 2250}, 'o': {450, 850}, 'u': {320, 750}, 'y': {300, 1800},
}

// mumble babbles the text's syllables as a WAV file of at most two seconds: 8 kHz, one channel, 16 bit.
func mumble(heard string, f feeling) []byte {
	said := syllables(heard)
	each := int(f.pace * sampleRate)
	pcm := make([]int16, 0, min(len(said)*each, maxSamples))
	v := voice{}
	for i, s := range said {
		if len(pcm)+each > maxSamples {
			break
		}
		pitch := f.pitch * (1 + (f.rise-1)*float64(i)/float64(max(len(said)-1, 1)))
		pcm = v.utter(pcm, s, pitch, each)
	}
	return wav(pcm)
}

// syllables finds the vowels of the text, one for each run of them. Scripts without these letters get a vowel for each letter, and a
// text without letters gets one "a".
func syllables(heard string) []formants {
	var all []formants
	inVowel := false
	for _, r := range heard {
		if len(all) == maxSyllables {
			break
		}
		r = unicode.ToLower(r)
		f, isVowel := vowels[r]
		switch {
		case isVowel && !inVowel:
			all = append(all, f)
		case r > unicode.MaxASCII && unicode.IsLetter(r):
			all = append(all, vowels[[]rune("aeiou")[r%5]])
		}
		inVowel = isVowel
	}
	if len(all) == 0 {
		return []formants{vowels['a']}
	}
	return all
}

// voice is a train of pulses through two resonators, as in the oldest speech synthesisers. It goes on smoothly between syllables.
type voice struct {
	phase     float64
	low, high resonator
}

// utter adds n samples of one syllable.
func (v *voice) utter(pcm []int16, f formants, pitch float64, n int) []int16 {
	v.low.tune(f.low, 90)
	v.high.tune(f.high, 120)
	for i := range n {
		at := float64(i) / float64(n)
		v.phase += pitch / sampleRate
		pulse := 0.0
		if v.phase >= 1 {
			v.phase -= math.Floor(v.phase)
			pulse = 1
		}
		sound := v.low.next(pulse) + 0.6*v.high.next(pulse)
		loud := math.Sin(math.Pi*math.Sqrt(at)) * 0.9 // quick in, slow out: the closing mouth is the consonant
		pcm = append(pcm, int16(30000*math.Tanh(1.2*sound*loud)))
	}
	return pcm
}

// resonator rings at one frequency.
type resonator struct{ a, b, gain, y1, y2 float64 }

func (r *resonator) tune(frequency, bandwidth float64) {
	decay := math.Exp(-math.Pi * bandwidth / sampleRate)
	r.a = 2 * decay * math.Cos(2*math.Pi*frequency/sampleRate)
	r.b = -decay * decay
	r.gain = math.Sin(2 * math.Pi * frequency / sampleRate)
}

func (r *resonator) next(x float64) float64 {
	y := r.gain*x + r.a*r.y1 + r.b*r.y2
	r.y1, r.y2 = y, r.y1
	return y
}

// wav puts the 44 bytes of a header before the samples.
func wav(pcm []int16) []byte {
	size := uint32(2 * len(pcm))
	le := binary.LittleEndian
	b := make([]byte, 0, 44+int(size))
	b = le.AppendUint32(append(b, "RIFF"...), 36+size)
	b = le.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = le.AppendUint16(b, 1) // PCM
	b = le.AppendUint16(b, 1) // channel
	b = le.AppendUint32(b, sampleRate)
	b = le.AppendUint32(b, 2*sampleRate) // bytes a second
	b = le.AppendUint16(b, 2)            // bytes a sample
	b = le.AppendUint16(b, 16)           // bits
	b = le.AppendUint32(append(b, "data"...), size)
	for _, s := range pcm {
		b = le.AppendUint16(b, uint16(s))
	}
	return b
}
