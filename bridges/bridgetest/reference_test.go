package bridgetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

// reference is the smallest bridge that keeps the contract: it shows that Run can be passed, and what by.
type reference struct {
	base string
	log  *slog.Logger
}

func TestTheReferenceBridgeKeepsTheContract(t *testing.T) {
	bridgetest.Run(t, bridgetest.TelegramHarness(func(apiURL, token string, log *slog.Logger) bridges.Bridge {
		return &reference{base: apiURL + "/bot" + token + "/", log: log}
	}))
}

// call makes one call; the error is an outcome without the URL.
func (b *reference) call(ctx context.Context, method string, params map[string]any) (reply, error) {
	var r reply
	body, err := json.Marshal(params)
	if err != nil {
		return r, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.base+method, bytes.NewReader(body))
	if err != nil {
		return r, errors.New("bad api_url")
	}
	req.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
			return r, errors.New("the platform cannot be reached")
		}
		return r, fault.Unsure(errors.New("the connection broke"))
	}
	defer func() { _ = resp.Body.Close() }()
	raw, _ := io.ReadAll(resp.Body)
	if r.Status = resp.StatusCode; json.Unmarshal(raw, &r) != nil && r.Status != http.StatusOK {
		return r, fmt.Errorf("status %d without JSON", r.Status)
	}
	switch {
	case r.Status == http.StatusOK:
		return r, nil
	case r.Status == http.StatusTooManyRequests:
		return r, fault.Throttle(fault.Channel, time.Duration(r.Parameters.RetryAfter)*time.Second, errors.New(r.Description))
	case r.Status == http.StatusForbidden:
		return r, fault.Kill("the person must unblock the bot", errors.New(r.Description))
	case r.Status == http.StatusBadRequest:
		return r, fault.Reject("refused", nil) // the description may quote the message
	}
	return r, errors.New(r.Description)
}

func (b *reference) Run(ctx context.Context, rx bridges.Receiver) error {
	var me struct {
		ID       int64  `json:"id"`
		Username string `json:"username"`
	}
	for {
		r, err := b.call(ctx, "getMe", nil)
		if r.Status == http.StatusUnauthorized {
			return errors.New("the token is refused")
		}
		if err == nil {
			err = json.Unmarshal(r.Result, &me)
		}
		if err == nil {
			break
		}
		if b.wait(ctx, rx, err) {
			return nil
		}
	}
	cursor, err := rx.Open(ctx, fmt.Sprintf("telegram:%d", me.ID))
	if err != nil {
		return err
	}
	rx.Health(nil)
	for ctx.Err() == nil {
		r, err := b.call(ctx, "getUpdates", map[string]any{"offset": cursor, "timeout": 50})
		var updates []json.RawMessage
		if err == nil {
			err = json.Unmarshal(r.Result, &updates)
		}
		if err != nil {
			b.wait(ctx, rx, err)
			continue
		}
		rx.Health(nil)
		batch := bridges.Batch{Cursor: cursor}
		for _, u := range updates {
			batch.Cursor = b.event(u, me.ID, me.Username, &batch.Events)
		}
		if len(updates) == 0 {
			continue
		}
		if err := rx.Receive(ctx, batch); err != nil {
			b.wait(ctx, nil, err)
			continue
		}
		cursor = batch.Cursor
	}
	return nil
}

// wait tells of a failure and waits; true means that ctx has ended.
func (b *reference) wait(ctx context.Context, rx bridges.Receiver, err error) bool {
	if ctx.Err() != nil {
		return true
	}
	if rx != nil {
		rx.Health(err)
	}
	b.log.Debug("telegram fails", "err", err)
	timer := time.NewTimer(20 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err() != nil
}

// event appends what it understands of an update and returns the cursor after it.
func (b *reference) event(raw json.RawMessage, me int64, username string, events *[]bridges.Event) string {
	var id struct {
		ID int64 `json:"update_id"`
	}
	var u struct {
		Message *struct {
			ID   int   `json:"message_id"`
			Date int64 `json:"date"`
			From *struct {
				ID    int64  `json:"id"`
				Name  string `json:"first_name"`
				IsBot bool   `json:"is_bot"`
			} `json:"from"`
			Chat struct {
				ID   int64  `json:"id"`
				Type string `json:"type"`
			} `json:"chat"`
			Text string `json:"text"`
		} `json:"message"`
	}
	_ = json.Unmarshal(raw, &id)
	cursor := strconv.FormatInt(id.ID+1, 10)
	if json.Unmarshal(raw, &u) != nil || u.Message == nil || u.Message.From == nil {
		return cursor
	}
	m := u.Message
	text, mentioned := strings.CutPrefix(m.Text, "@"+username+" ")
	channel := strconv.FormatInt(m.Chat.ID, 10)
	*events = append(*events, bridges.Event{
		Key: fmt.Sprintf("%d:%d", me, id.ID), At: time.Unix(m.Date, 0), Message: strconv.Itoa(m.ID), Text: text,
		From:  bridges.Person{Platform: "telegram", User: strconv.FormatInt(m.From.ID, 10), Name: m.From.Name, Bot: m.From.IsBot},
		Place: bridges.Place{Channel: channel, Direct: m.Chat.Type == "private"}, Addressed: mentioned || m.Chat.Type == "private",
	})
	return cursor
}

func (b *reference) Fit(m bridges.Message) []bridges.Message {
	var list []bridges.Message
	text := strings.ToValidUTF8(m.Text, "?")
	for text = strings.TrimSpace(text); text != ""; {
		n := min(len(text), 1000)
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n++
		}
		if piece := strings.TrimSpace(text[:n]); piece != "" {
			list = append(list, bridges.Message{Forms: []bridges.Form{{Kind: "html", Text: html.EscapeString(piece)}, {Kind: "text", Text: piece}}})
		}
		text = text[n:]
	}
	return list
}

func (b *reference) Send(ctx context.Context, m bridges.Message) (string, error) {
	params := map[string]any{"chat_id": m.Place.Channel, "text": m.Forms[0].Text}
	if m.Forms[0].Kind == "html" {
		params["parse_mode"] = "HTML"
	}
	r, err := b.call(ctx, "sendMessage", params)
	if err != nil {
		return "", err
	}
	var sent struct {
		ID int `json:"message_id"`
	}
	_ = json.Unmarshal(r.Result, &sent)
	return strconv.Itoa(sent.ID), nil
}
