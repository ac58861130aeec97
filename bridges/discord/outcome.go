package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"

	"avatarbridge/bridges/fault"
)

const (
	tokenReason = "Discord refuses the token: reset it at https://discord.com/developers/applications (Bot) and copy it into the bridge's token"
	// refusedFor is for how long nothing is posted after the token was refused: each attempt counts towards a ban.
	refusedFor = time.Minute
)

// Codes that the library has no names for (https://discord.com/developers/docs/topics/opcodes-and-status-codes#json).
const (
	codeNotInGuild      = 50278 // no mutual guilds with the person
	codeNoWebhookToken  = discordgo.ErrCodeInvalidWebhookTokenProvided
	codeForumNeedsTitle = 40058
	codeNoHistory       = 160002 // a reply where the bot may not read what was said
)

// An apiError is a refusal by its code. What Discord says beside it may quote the message.
type apiError struct {
	name   string
	status int
	code   int
	text   string
}

func (e *apiError) Error() string {
	if e.code == 0 {
		return fmt.Sprintf("%s: status %d", e.name, e.status)
	}
	return strings.TrimSpace(fmt.Sprintf("%s: status %d, code %d %s", e.name, e.status, e.code, e.text))
}

// refused reports whether err says that the token is not valid.
func refused(err error) bool {
	e, ok := errors.AsType[*apiError](err)
	return ok && e.status == http.StatusUnauthorized && e.code != codeNoWebhookToken
}

// statusOf is the HTTP status of a refusal, 0 when err is none.
func statusOf(err error) int {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e.status
	}
	return 0
}

// outcome says how a call ended that did not succeed.
func (x *exchange) outcome(err error) error {
	name := x.req.name
	if err == nil {
		err = context.Cause(x.ctx)
	}
	if err == nil {
		err = errUnreadable
	}
	switch {
	case x.status == 0 && !x.wrote.Load() && x.req.files != nil && errors.Is(x.ctx.Err(), context.DeadlineExceeded):
		return fault.Reject("the upload took too long", fmt.Errorf("%s: not sent: %w", name, x.bridge.clean(err)))
	case x.status == 0 && !x.wrote.Load():
		return &fault.Outcome{Kind: fault.Retry, Err: fmt.Errorf("%s: not sent: %w", name, x.bridge.clean(err))}
	case x.status == 0:
		return fault.Unsure(fmt.Errorf("%s: no answer: %w", name, x.bridge.clean(err)))
	}
	e := &apiError{name: name, status: x.status}
	var said struct {
		Code   number   `json:"code"`
		Text   text     `json:"message"`
		After  fraction `json:"retry_after"`
		Global truth    `json:"global"`
	}
	spoke := json.Unmarshal(x.body, &said) == nil
	if e.code = int(said.Code); spoke && knownText[string(said.Text)] {
		e.text = string(said.Text)
	}
	switch {
	case x.status == http.StatusTooManyRequests:
		return x.throttled(e, float64(said.After), bool(said.Global) || !spoke)
	case x.status >= 500:
		return fault.Unsure(e)
	case x.status == http.StatusRequestEntityTooLarge:
		return fault.Reject("it is larger than Discord takes", e)
	case !spoke:
		return &fault.Outcome{Kind: fault.Retry, Err: e, Reason: "see whether api_url is Discord's API"}
	}
	return x.judge(e)
}

// knownText are Discord's own words that quote nothing.
var knownText = map[string]bool{
	"Missing Access": true, "Missing Permissions": true, "Unknown Channel": true, "Unknown Message": true, "Unknown Webhook": true,
	"Unknown interaction": true, "Cannot send messages to this user": true, "Invalid Form Body": true, "Invalid Webhook Token": true,
	"401: Unauthorized": true, "Thread is locked": true, "Thread is archived": true, "Cannot send an empty message": true,
}

// throttled reads a 429. Without a body of the API it comes from the network before it, and concerns the address.
func (x *exchange) throttled(e *apiError, after float64, global bool) error {
	wait := time.Duration(min(max(after, 0), fault.MaxHold.Seconds()) * float64(time.Second))
	if wait == 0 {
		wait, _ = fault.RetryAfter(x.header, time.Now())
	}
	wait = max(wait, 100*time.Millisecond)
	if global || x.header.Get("X-Ratelimit-Global") != "" || x.header.Get("X-Ratelimit-Scope") == "global" {
		x.bridge.pace.stop(time.Now().Add(wait), errUsedUp)
		return fault.Throttle(fault.Bridge, wait, e)
	}
	return fault.Throttle(x.req.scope(), wait, e)
}

// judge classifies a refusal that the API put into a code.
func (x *exchange) judge(e *apiError) error {
	if x.req.token && (e.code == codeNoWebhookToken || e.code == discordgo.ErrCodeUnknownWebhook || e.code == discordgo.ErrCodeUnknownInteraction ||
		e.status == http.StatusUnauthorized) {
		return &fault.Outcome{Kind: fault.Expired, Reason: "the command can not be answered any more", Err: e}
	}
	if e.status == http.StatusUnauthorized {
		x.bridge.pace.stop(time.Now().Add(refusedFor), errRefused)
		return &fault.Outcome{Kind: fault.Throttled, Scope: fault.Bridge, After: refusedFor, Reason: tokenReason, Err: e}
	}
	if x.req.files != nil && e.status == http.StatusForbidden {
		return fault.Reject("the bot may not upload there: give it the permission Attach Files, and for voice messages Send Voice Messages", e)
	}
	if e.code == codeNoHistory {
		return fault.Reject("the bot may not refer to messages there: give it the permission Read Message History", e)
	}
	if why := hopeless[e.code]; why != "" {
		return fault.Kill(why, e)
	}
	switch e.status {
	case http.StatusForbidden:
		return fault.Kill("Discord does not let the bot do that there: see its permissions in this channel", e)
	case http.StatusNotFound:
		return fault.Kill("what it is about does not exist any more", e)
	case http.StatusRequestTimeout, http.StatusConflict:
		return &fault.Outcome{Kind: fault.Retry, Err: e}
	}
	return fault.Reject("", e)
}

// hopeless are the codes that no other form of the message would change, and what they mean to the operator.
var hopeless = map[int]string{
	discordgo.ErrCodeUnknownChannel:                         "Discord knows no such channel: it was deleted",
	discordgo.ErrCodeMissingAccess:                          "the bot cannot see the channel: give it the permission View Channel there",
	discordgo.ErrCodeMissingPermissions:                     "the bot may not write there: give it the permissions Send Messages and, for threads, Send Messages in Threads",
	discordgo.ErrCodeCannotSendMessagesToThisUser:           "the person does not take direct messages of the bot: nothing can be done before they do",
	codeNotInGuild:                                          "the person shares no server with the bot any more",
	discordgo.ErrCodeCannotSendMessagesInVoiceChannel:       "nothing can be written in this channel",
	codeForumNeedsTitle:                                     "a forum takes posts only: people write to the avatar inside of a post",
	discordgo.ErrCodePerformedOperationOnArchivedThread:     "the thread is archived: open it again",
	discordgo.ErrCodeThreadIsLocked:                         "the thread is locked: unlock it, or give the bot the permission Manage Threads",
	discordgo.ErrCodeSendMessagesHasBeenTemporarilyDisabled: "Discord has taken the bot's right to write for a while: see the mails of its developer account",
	discordgo.ErrCodeUserIsBannedFromThisGuild:              "the bot is banned from the server",
}
