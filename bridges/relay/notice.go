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
	noticeNoVoice
	noticeNotHeard
	noticeMuted
	noticeUnmuted
	noticeNoReply
	noticeDenied
	noticeCount
)

// fitNotices makes posts of the program's words once, so that they cost nothing when messages come in.
func (l *line) fitNotices(m Messages) (fitted [noticeCount][][]byte) {
	l.words = [noticeCount]string{m.AINotice, m.Hello, m.Reset, m.Busy, m.Unavailable, m.TooOld, m.TextOnly, m.NoVoice, m.NotHeard,
		m.Muted, m.Unmuted, m.NoReply, m.Denied}
	for kind, text := range l.words {
		if text != "" {
			fitted[kind] = l.fit("", bridges.Message{Text: text, Notice: true})
		}
	}
	return fitted
}

// answerNotice is the word as the answer to just one event, which is always given: the platform shows the person that it waits for it.
func (l *line) answerNotice(kind noticeKind, channel, message, answer, key string) *store.Notice {
	if l.notices[kind] == nil {
		return nil
	}
	pieces := l.fit(channel, bridges.Message{Text: l.words[kind], Notice: true, Answer: answer})
	return &store.Notice{Key: key + "/" + message, Every: time.Minute, Pieces: pieces}
}

// declined is the word for a turn that nobody is asked about where the avatar is silent; nil where the platform waits for no answer.
func (l *line) declined(c *store.Conversation, b *turnBody) *store.Notice {
	if b.Answer == "" {
		return nil
	}
	return l.answerTo(b, noticeMuted, l.turnKey(c, b, "declined"), 0)
}

// answerTo is the word as the answer to a turn.
func (l *line) answerTo(b *turnBody, kind noticeKind, key string, every time.Duration) *store.Notice {
	if b.Answer != "" {
		return l.answerNotice(kind, b.Channel, b.Message, b.Answer, key)
	}
	return l.notice(kind, key, every)
}

// notice is the word as the answer to an event.
func (in *intake) notice(ev *bridges.Event, kind noticeKind, key string, every time.Duration) *store.Notice {
	if ev.Answer != "" {
		return in.l.answerNotice(kind, ev.Place.Channel, ev.Message, ev.Answer, key)
	}
	return in.l.notice(kind, key, every)
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
	if !direct || l.cfg.Announces {
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
	fitted := l.cfg.Bridge.Fit(m)
	for i := range fitted {
		fitted[i].Notice = m.Notice
		pieces = append(pieces, encodePost(channel, &fitted[i]))
	}
	return pieces
}

func encodePost(channel string, m *bridges.Message) []byte {
	return encode(&postBody{V: bodyVersion, Channel: channel, Message: *m})
}
