package web

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

func TestAVoiceMessageIsKeptAndCanBeFetched(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	if got := anna.post("voice?id=v1&name=Anna&locale=de", "OggS"+canary, "Content-Type", "audio/ogg; codecs=opus"); got.status != http.StatusAccepted {
		t.Fatalf("answered with %+v", got)
	}
	e := w.rx.Stored()[0]
	if e.Key != string(anna.id())+"/v1" || e.Text != "" || e.From.Name != "Anna" || e.From.Locale != "de" || len(e.Attachments) != 1 {
		t.Fatalf("the event is %+v", e)
	}
	a := e.Attachments[0]
	if a.Kind != "voice" || a.Type != "audio/ogg" || a.Size != int64(len("OggS"+canary)) {
		t.Errorf("the attachment is %+v", a)
	}
	f, err := w.b.Attachment(w.waiting(), a)
	if err != nil || string(f.Data) != "OggS"+canary {
		t.Errorf("fetched %v, %v", f, err)
	}
	a.Ref = "kept:nobody"
	if _, err := w.b.Attachment(w.waiting(), a); fault.Of(err).Kind != fault.Rejected {
		t.Errorf("what is gone: %v", err)
	}
}

func TestAVoiceThatCannotBeKept(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	w.media.fail(fault.Reject("no audio", nil))
	if got := anna.post("voice?id=v1", "x", "Content-Type", "audio/ogg"); got.status != http.StatusUnsupportedMediaType || got.code != "type" {
		t.Errorf("no audio: answered with %+v", got)
	}
	w.media.fail(errors.New("the disk is full"))
	if got := anna.post("voice?id=v1", "x", "Content-Type", "audio/ogg"); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("a full disk: answered with %+v", got)
	}
	if n := len(w.rx.Offered()); n != 0 {
		t.Errorf("%d events were offered", n)
	}
}

func TestAnAvatarThatDoesNotHearGetsNoVoice(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Voice = false })
	anna := w.visitor()
	if got := anna.post("voice?id=v1", "x", "Content-Type", "audio/ogg"); got.status != http.StatusUnsupportedMediaType {
		t.Errorf("answered with %+v", got)
	}
}

// speak sends a recording.
func (br *browser) speak(id string) answered {
	br.w.Helper()
	return br.post("voice?id="+id, "OggS"+canary, "Content-Type", "audio/ogg")
}

func TestOnlySoManyVoicesAreInMemoryAtOnce(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	var leave []func()
	for i := range maxVoices {
		leave = append(leave, w.b.voices.enter(visitor(fmt.Sprint(i)), addressOf(fmt.Sprintf("192.0.2.%d:1", i))))
	}
	if got := anna.speak("v1"); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("answered with %+v", got)
	}
	leave[0]()
	if got := anna.speak("v1"); got.status != http.StatusAccepted {
		t.Errorf("answered with %+v", got)
	}
	if len(w.b.voices.visitors) != maxVoices-1 {
		t.Error("the place was not given back")
	}
	for _, l := range leave[1:] {
		l()
	}
	if len(w.b.voices.visitors)+len(w.b.voices.from) != 0 {
		t.Errorf("what is left of places: %+v", &w.b.voices)
	}
}

func TestOneAddressCannotTakeThePlacesOfAllVoices(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	for i := range maxVoicesOfAddress {
		leave := w.b.voices.enter(visitor(fmt.Sprint(i)), addressOf("127.0.0.1:1"))
		if leave == nil {
			t.Fatalf("the place %d was refused", i)
		}
		defer leave()
	}
	if got := anna.speak("v1"); got.status != http.StatusTooManyRequests {
		t.Errorf("the address was answered with %+v", got)
	}
	leave := w.b.voices.enter("ben", addressOf("192.0.2.1:1"))
	if leave == nil {
		t.Fatal("another address has no place")
	}
	leave()
}

func TestOneVisitorSendsOneVoiceAtATime(t *testing.T) {
	w := newWorld(t)
	anna, ben := w.visitor(), w.visitor()
	leave := w.b.voices.enter(anna.id(), addressOf("192.0.2.1:1"))
	defer leave()
	if got := anna.speak("v1"); got.status != http.StatusTooManyRequests {
		t.Errorf("the second at once was answered with %+v", got)
	}
	if got := ben.speak("v1"); got.status != http.StatusAccepted {
		t.Errorf("another visitor was answered with %+v", got)
	}
}

// drip sends the head of an upload and then a piece of its body after each pause. It returns what was answered.
func drip(t *testing.T, w *world, size, piece int, pause time.Duration) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = fmt.Fprintf(conn, "POST /chat/site/voice?id=v1 HTTP/1.1\r\nHost: x\r\nContent-Type: audio/ogg\r\nContent-Length: %d\r\nConnection: close\r\nCookie: avatarbridge-site=%s\r\n\r\n", size, tokens.issue())
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for sent := 0; sent < size; sent += piece {
			if _, err := conn.Write(make([]byte, min(piece, size-sent))); err != nil {
				return
			}
			select {
			case <-stop:
				return
			case <-time.After(pause):
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("no answer comes")
	}
	return answer.String()
}

func TestAVoiceThatTricklesInLosesItsPlace(t *testing.T) {
	w := newWorld(t)
	w.b.patience = 200 * time.Millisecond
	began := time.Now()
	// Ten bytes every 10 ms are more than nothing, and less than voicePace.
	answer := drip(t, w, 1<<20, 10, 10*time.Millisecond)
	if !strings.HasPrefix(answer, "HTTP/1.1 503") || time.Since(began) >= voiceSlowness*w.b.patience {
		t.Errorf("after %v it was answered with %q", time.Since(began), answer)
	}
	if len(w.rx.Offered()) != 0 || len(w.b.voices.visitors) != 0 {
		t.Errorf("%v was offered, %d places are taken", w.rx.Offered(), len(w.b.voices.visitors))
	}
}

func TestAVoiceThatComesSteadilyHasTheTimeItNeeds(t *testing.T) {
	w := newWorld(t)
	w.b.patience = 200 * time.Millisecond
	// 32 KiB in 400 ms are twice as long as a text may take, and ten times voicePace.
	if answer := drip(t, w, 32<<10, 4<<10, 50*time.Millisecond); !strings.HasPrefix(answer, "HTTP/1.1 202") {
		t.Errorf("answered with %q", answer)
	}
}

func TestARepeatedUploadKeepsOneRecording(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	for range 2 {
		if got := anna.speak("v1"); got.status != http.StatusAccepted {
			t.Fatalf("answered with %+v", got)
		}
	}
	events := w.rx.Stored()
	if w.media.count() != 1 || len(events) != 2 || events[0].Attachments[0].Ref != events[1].Attachments[0].Ref {
		t.Errorf("%d recordings of %+v", w.media.count(), events)
	}
}

func TestARecordingWhoseMessageIsNotStoredIsNotKept(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	w.rx.FailReceive(1)
	if got := anna.speak("v1"); got.status != http.StatusServiceUnavailable || w.media.count() != 0 {
		t.Errorf("answered with %+v, %d recordings are kept", got, w.media.count())
	}
	if got := anna.speak("v1"); got.status != http.StatusAccepted || w.media.count() != 1 {
		t.Errorf("the repeat was answered with %+v, %d recordings are kept", got, w.media.count())
	}
}

func TestARecordingThatIsOverALimitIsNotKept(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	w.rx.Refuse(&bridges.TooMany{After: time.Second})
	if got := anna.speak("v1"); got.status != http.StatusTooManyRequests || w.media.count() != 0 {
		t.Errorf("answered with %+v, %d recordings are kept", got, w.media.count())
	}
	w.rx.Refuse(nil)
	if got := anna.speak("v1"); got.status != http.StatusAccepted || w.media.count() != 1 {
		t.Errorf("the repeat was answered with %+v, %d recordings are kept", got, w.media.count())
	}
}

// The first upload was stored, and its answer was lost: what it kept is what the avatar will hear.
func TestAFailedRepeatLeavesTheRecordingOfTheFirst(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	anna.speak("v1")
	w.rx.FailReceive(1)
	if got := anna.speak("v1"); got.status != http.StatusServiceUnavailable || w.media.count() != 1 {
		t.Errorf("answered with %+v, %d recordings are kept", got, w.media.count())
	}
}

func TestWhoHasTooMuchWaitingIsAskedToWait(t *testing.T) {
	w := newWorld(t)
	anna := w.visitor()
	w.media.fail(fault.Throttle(fault.Conversation, 10*time.Second, nil))
	if got := anna.speak("v1"); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "10" {
		t.Errorf("answered with %+v", got)
	}
}
