package relay_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"avatarbridge/avatar"
	"avatarbridge/bridges/relay"
)

// listening is a fakeAvatar that hears callbacks.
type listening struct{ fakeAvatar }

func (a *listening) Handler(say avatar.Speaker) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		err := say.Say(req.Context(), avatar.Reply{Text: req.FormValue("text"), Key: req.FormValue("key"), Ends: req.FormValue("end") != ""})
		switch {
		case errors.Is(err, avatar.ErrGone):
			w.WriteHeader(http.StatusNotFound)
		case err != nil:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
}

func TestCallbacksAreStoredOnceAndForeignTokensChangeNothing(t *testing.T) {
	backend := &listening{}
	change := func(c *relay.Config) {
		c.Avatars[0].Backend = backend
		c.CallbackURL = func(_, token string) string { return token }
	}
	inWorld(t, change, func(t *testing.T, w *world) {
		backend.onAsk(func(context.Context, avatar.Turn, avatar.Speaker) error { return nil })
		call := func(name, token, form string) int {
			req := httptest.NewRequest("POST", "/?"+form, nil)
			req.SetPathValue("name", name)
			req.SetPathValue("token", token)
			rec := httptest.NewRecorder()
			w.relay.Callback().ServeHTTP(rec, req)
			return rec.Code
		}
		w.bridge.receive(t, w.bridge.said("ann", "1"))
		settle()
		token := backend.turns()[0].Callback
		for _, bad := range []string{"", "x", token[:len(token)-2] + "AA", "AA" + token} {
			if code := call("luna", bad, "text=evil"); code != 404 {
				t.Errorf("token %q: %d", bad, code)
			}
		}
		if code := call("other", token, "text=evil"); code != 404 {
			t.Errorf("another avatar's path: %d", code)
		}
		w.restart()
		for range 2 {
			if code := call("luna", token, "text=one&key=k1"); code != 200 {
				t.Errorf("callback: %d", code)
			}
		}
		call("luna", token, "text=two&key=k2&end=1")
		if code := call("luna", token, "text=late&key=k3"); code != 404 {
			t.Errorf("a callback to an ended conversation: %d", code)
		}
		w.wantPosted("ann", "one", "two")
	})
}
