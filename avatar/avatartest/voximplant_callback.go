package avatartest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"
)

// VoximplantCallback is what the avatar says, as it is posted to the callbackUri of an utterance.
type VoximplantCallback struct {
	Response string
	Final    bool
	// CustomData goes out as it is: a string, an object, or nil for null.
	CustomData any
	Snake      bool           // in the other spelling: is_final, custom_data, conversation_id
	Extra      map[string]any // more fields
	Raw        string         // the body in place of all above
	Pad        int            // bytes of white space after it
	After      time.Duration  // how long the avatar waits before
	Times      int            // how often it is posted although it was taken; 0 is once
	URI        string         // in place of the utterance's own
}

// VoximplantPost is how posting a callback once ended.
type VoximplantPost struct {
	Conversation string
	URI          string
	Response     string
	Attempt      int // 1 is the first
	Status       int // 0: there was no answer
}

// body is what is posted in a conversation.
func (c VoximplantCallback) body(conversation string) ([]byte, error) {
	out := []byte(c.Raw)
	if c.Raw == "" {
		m := map[string]any{"isFinal": c.Final, "response": c.Response, "customData": c.CustomData, "conversationId": conversation}
		if c.Snake {
			m = map[string]any{"is_final": c.Final, "response": c.Response, "custom_data": c.CustomData, "conversation_id": conversation,
				"current_state": "start", "next_state": nil}
		}
		maps.Copy(m, c.Extra)
		var err error
		if out, err = json.Marshal(m); err != nil {
			return nil, err
		}
	}
	return append(out, strings.Repeat(" ", c.Pad)...), nil
}

// CallbackRequest makes the request of a callback. Nothing about it is signed.
func (v *Voximplant) CallbackRequest(ctx context.Context, uri, conversation string, c VoximplantCallback) (*http.Request, error) {
	body, err := c.body(conversation)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, uri, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	return req, nil
}

// Callback makes the request of a callback as the suite needs it.
func (v *Voximplant) Callback(ctx context.Context, url string, s Spoken) (*http.Request, error) {
	return v.CallbackRequest(ctx, url, "", VoximplantCallback{Response: s.Text, Raw: s.Raw, Pad: s.Pad})
}

// Post posts a callback once and returns the status of the answer. Posting the same one twice, late, or several in another order, is up to the
// caller.
func (v *Voximplant) Post(ctx context.Context, uri, conversation string, c VoximplantCallback) (int, error) {
	return v.post(ctx, uri, conversation, c, 1)
}

func (v *Voximplant) post(ctx context.Context, uri, conversation string, c VoximplantCallback, attempt int) (int, error) {
	req, err := v.CallbackRequest(ctx, uri, conversation, c)
	if err != nil {
		return 0, err
	}
	h := Heard{Text: c.Response, Callback: uri}
	p := VoximplantPost{Conversation: conversation, URI: uri, Response: c.Response, Attempt: attempt}
	if c.Final {
		v.ends(conversation)
	}
	v.step(CallbackPosted, h)
	resp, err := v.client.Do(req)
	if err == nil {
		p.Status = resp.StatusCode
		_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
		err = errors.Join(err, resp.Body.Close())
	}
	v.posts.add(p)
	if p.Status != 0 {
		v.step(CallbackAnswered, h)
	}
	if err != nil {
		return p.Status, fmt.Errorf("post callback: %w", err)
	}
	return p.Status, nil
}

// postAll posts what an utterance brings, one after the other, each until it is taken, the conversation is gone, or its retries are used up.
func (v *Voximplant) postAll(u VoximplantUtterance, all []VoximplantCallback) {
	for _, c := range all {
		if !v.pause(c.After) {
			return
		}
		uri := c.URI
		if uri == "" {
			uri = u.CallbackURI
		}
		for range max(c.Times, 1) {
			if !v.deliver(uri, u.Conversation, c) {
				return
			}
		}
	}
}

// deliver says whether the service still runs.
func (v *Voximplant) deliver(uri, conversation string, c VoximplantCallback) bool {
	for attempt := 1; attempt <= v.cfg.Retries+1; attempt++ {
		status, _ := v.post(v.api.quit, uri, conversation, c, attempt) // Posts tells how it ended
		if status/100 == 2 || status == http.StatusNotFound {
			return true
		}
		if !v.pause(v.cfg.RetryEvery) {
			return false
		}
	}
	return true
}

func (v *Voximplant) pause(d time.Duration) bool {
	if d <= 0 {
		return v.api.quit.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-v.api.quit.Done():
		return false
	}
}
