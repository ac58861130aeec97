package media

import (
	"bytes"
	"slices"
)

// A format is a kind of audio file.
type format struct {
	mime  string // media type
	ext   string // of a file name
	demux string // ffmpeg's name of its reader
}

var (
	ogg  = &format{"audio/ogg", "ogg", "ogg"}
	opus = &format{"audio/ogg", "ogg", "ogg"} // Ogg with Opus, which voice messages need
	mp3  = &format{"audio/mpeg", "mp3", "mp3"}
	wav  = &format{"audio/wav", "wav", "wav"}
	flac = &format{"audio/flac", "flac", "flac"}
	m4a  = &format{"audio/mp4", "m4a", "mov"}
	webm = &format{"audio/webm", "webm", "matroska"}
	aac  = &format{"audio/aac", "aac", "aac"}
	amr  = &format{"audio/amr", "amr", "amr"}
	aiff = &format{"audio/aiff", "aiff", "aiff"}
)

// sniff tells the format by the first bytes; nil when it is no audio that is known. A declared type is not asked: services send audio as
// application/octet-stream, and error pages as audio.
func sniff(b []byte) *format {
	at := func(i int, s string) bool { return len(b) >= i+len(s) && string(b[i:i+len(s)]) == s }
	switch {
	case at(0, "OggS"):
		if bytes.Contains(b[:min(len(b), 512)], []byte("OpusHead")) {
			return opus
		}
		return ogg
	case at(0, "RIFF") && at(8, "WAVE"):
		return wav
	case at(0, "fLaC"):
		return flac
	case at(0, "#!AMR"):
		return amr
	case at(0, "FORM") && (at(8, "AIFF") || at(8, "AIFC")):
		return aiff
	case at(0, "\x1aE\xdf\xa3"):
		return webm
	case at(4, "ftyp") && isM4A(b):
		return m4a
	case at(0, "ID3"):
		return mp3
	}
	return sniffFrame(b)
}

// isM4A reports whether the brand of an MP4 file is one of those that audio has.
func isM4A(b []byte) bool {
	brands := []string{"M4A ", "M4B ", "mp41", "mp42", "dash", "3gp4", "3gp5", "3gp6"}
	return len(b) >= 12 && (slices.Contains(brands, string(b[8:12])) || string(b[8:11]) == "iso") // isom, iso2, iso5…: what browsers record
}

// sniffFrame knows MPEG audio that begins with a frame: eleven set bits, then fields of which some values are reserved.
func sniffFrame(b []byte) *format {
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe0 != 0xe0 {
		return nil
	}
	version, layer, rate, sampling := b[1]>>3&3, b[1]>>1&3, b[2]>>4, b[2]>>2&3
	switch {
	case b[1]&0xf6 == 0xf0: // layer 0 with twelve set bits: ADTS
		return aac
	case version != 1 && layer != 0 && rate != 15 && sampling != 3:
		return mp3
	}
	return nil
}
