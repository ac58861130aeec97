package echo

import "math"

// tune is a rising chord and where it comes to rest: each note's frequency in Hz and its length in seconds.
var tune = []struct{ frequency, length float64 }{
	{523.25, 0.16}, {659.26, 0.16}, {783.99, 0.16}, {1046.50, 0.32}, {880.00, 0.16}, {1046.50, 0.7},
}

// chime plays the tune on a small bell, as a WAV file like those of mumble.
func chime() []byte {
	var pcm []int16
	for _, n := range tune {
		count := int(n.length * sampleRate)
		for i := range count {
			at := float64(i) / sampleRate
			// A bell's second partial is higher than an octave, and dies sooner. The last hundredth of a second fades out.
			tone := math.Sin(2*math.Pi*n.frequency*at) + 0.3*math.Exp(-6*at)*math.Sin(2*math.Pi*2.76*n.frequency*at)
			loud := math.Min(1, at*200) * math.Exp(-4*at) * math.Min(1, float64(count-i)/(sampleRate/100))
			pcm = append(pcm, int16(14000*tone*loud))
		}
	}
	return wav(pcm)
}
