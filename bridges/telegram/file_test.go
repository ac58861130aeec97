package telegram

import (
	"strings"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

func TestAttachmentIsFetchedFromTheConfiguredServer(t *testing.T) {
	w := newWorld(t)
	b := w.bridge(nil)
	w.tg.Write(bridgetest.Line{Chat: w.chat, From: w.anna, File: &bridgetest.SentFile{Kind: "voice", Type: "audio/ogg", Data: opus}})
	stop := w.run(b)
	events, err := w.rx.WaitUnique(w.ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	a := events[0].Attachments[0]
	f, err := b.Attachment(w.ctx, a)
	if err != nil || string(f.Data) != string(opus) || f.Type != "audio/ogg" || f.Name == "" {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err = b.Attachment(w.ctx, bridges.Attachment{Ref: "none"}); fault.Of(err).Kind != fault.Rejected {
		t.Errorf("an unknown file: %v", err)
	}
	w.tg.Offline()
	if _, err = b.Attachment(w.ctx, a); err == nil || strings.Contains(err.Error(), w.bot.Token) {
		t.Errorf("offline: %v", err)
	}
}
