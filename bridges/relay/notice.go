package relay

import (
	"time"

	"avatarbridge/bridges"
	"avatarbridge/store"
)

// noticeKind is one of the program's own words.
type noticeKind int

const (
	noticeAI noticeKind = iota
	noticeHello
	noticeReset
	noticeBusy
	noticeUnavailable
	noticeTooOld
	noticeTextOnly
	noticeCount
)

// fitNotices makes posts of the program's words once, so that they cost nothing when messages come in.
func (l *line) fitNotices(m Messages) (fitted [noticeCount][][]byte) {
	for kind, text := range [noticeCount]string{m.AINotice, m.Hello, m.Reset, m.Busy, m.Unavailable, m.TooOld, m.TextOnly} {
		if text != "" {
			fitted[kind] = l.fit("", bridges.Message{Text: text})
		}
	}
	return fitted
}

// notice is the word as the store takes it; nil when the operator has switched it off.
func (l *line) notice(kind noticeKind, key string, every time.Duration) *store.Notice {
	if l.notices[kind] == nil {
		return nil
	}
	return &store.Notice{Key: key, Every: every, Pieces: l.notices[kind]}
}

// preface is what stands before the first reply of a conversation.
func (l *line) preface(direct bool) [][]byte {
	if !direct {
		return nil
	}
	return l.notices[noticeAI]
}

// fit makes stored posts of a message. A bridge that cannot is worked around with nothing: the panic was logged.
func (l *line) fit(channel string, m bridges.Message) (pieces [][]byte) {
	var err error
	defer func() {
		if err != nil {
			pieces = nil
		}
	}()
	defer l.catch(&err)
	for _, piece := range l.cfg.Bridge.Fit(m) {
		pieces = append(pieces, encode(postBody{V: bodyVersion, Channel: channel, Message: piece}))
	}
	return pieces
}
