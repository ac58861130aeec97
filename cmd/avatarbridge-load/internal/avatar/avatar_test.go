package avatar

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"avatarbridge/cmd/avatarbridge-load/internal/ledger"
	"avatarbridge/cmd/avatarbridge-load/internal/wire"
)

// ask asks for a message and returns the status and the text of the reply.
func ask(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(`{"turn":"t","text":"m1.2. How are you?"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var reply struct{ Text string }
	if res.StatusCode == 200 && json.Unmarshal(b, &reply) != nil {
		t.Errorf("the answer is %q", b)
	}
	return res.StatusCode, reply.Text
}

func TestAWebhookAnswersAsItIsTold(t *testing.T) {
	l := ledger.New(2, 3)
	var steps []string
	w, err := NewWebhook(NewPlayer(l, func(s string) { steps = append(steps, s) }))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if status, text := ask(t, w.URL()); status != 200 || !strings.HasPrefix(text, "r1.2. ") {
		t.Errorf("%d %q", status, text)
	}
	w.Player().Break(&wire.Fault{Status: 503})
	if status, _ := ask(t, w.URL()); status != 503 {
		t.Errorf("a service that is down answered %d", status)
	}
	w.Player().Break(nil)
	gate := make(chan struct{})
	close(gate)
	w.Player().Follow(func(chat, n int) (time.Duration, <-chan struct{}) {
		if chat != 1 || n != 2 {
			t.Errorf("asked for %d.%d", chat, n)
		}
		return time.Hour, gate
	})
	ask(t, w.URL())
	w.Close() // the last step is over
	if _, asked, _ := l.Counts(); asked != 2 || w.Player().Calls() != 3 || w.Player().Busy() != 0 {
		t.Errorf("%d asked in %d calls, %d busy", asked, w.Player().Calls(), w.Player().Busy())
	}
	if got := strings.Join(steps, ", "); got != "avatar asked, avatar answered, avatar asked, avatar asked, avatar answered" {
		t.Errorf("the steps are %s", got)
	}
}

func TestAVirtualsTokenNamesARunnerThatMayBeLost(t *testing.T) {
	v, err := NewVirtuals(NewPlayer(ledger.New(2, 3), nil), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	runner := func() string {
		t.Helper()
		res, err := http.Post(v.URL()+"/api/access/token", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var body struct{ AccessToken string }
		if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
			t.Fatal(err)
		}
		claims := jwt.MapClaims{}
		if _, _, err := jwt.NewParser().ParseUnverified(body.AccessToken, claims); err != nil {
			t.Fatal(err)
		}
		if exp, err := claims.GetExpirationTime(); err != nil || time.Until(exp.Time) < 50*time.Minute {
			t.Errorf("the token ends at %v, %v", exp, err)
		}
		return claims["runner"].(string)
	}
	if status, text := ask(t, runner()+"/prompts"); status != 200 || !strings.HasPrefix(text, "r1.2. ") {
		t.Errorf("%d %q", status, text)
	}
	v.Lose(true)
	if r := runner(); !strings.Contains(r, "runner.invalid") {
		t.Errorf("a lost runner is %s", r)
	}
}
