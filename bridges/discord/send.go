package discord

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/bwmarrin/discordgo"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// typingLasts is how long Discord shows the indicator (https://discord.com/developers/docs/resources/channel#trigger-typing-indicator).
const typingLasts = 10 * time.Second

// A post is the body of what makes or changes a message. The library's own has no nonce.
type post struct {
	Content     string                            `json:"content,omitempty"`
	Nonce       string                            `json:"nonce,omitempty"` // with Enforce: within minutes no second message is made with it
	Enforce     bool                              `json:"enforce_nonce,omitempty"`
	Allowed     *discordgo.MessageAllowedMentions `json:"allowed_mentions"`
	Reference   *discordgo.MessageReference       `json:"message_reference,omitempty"`
	Flags       int                               `json:"flags,omitempty"`
	Attachments []attached                        `json:"attachments,omitempty"`
}

// attached describes an uploaded file.
type attached struct {
	ID       int     `json:"id"`
	Filename string  `json:"filename"`
	Duration float64 `json:"duration_secs,omitempty"` // of voice messages
	Waveform string  `json:"waveform,omitempty"`
}

// nobody is a post that pings nobody. An empty list is not the same as none: without one Discord pings all that the text names.
func nobody() *discordgo.MessageAllowedMentions {
	return &discordgo.MessageAllowedMentions{Parse: []discordgo.AllowedMentionType{}}
}

// newPost makes the body of m as a message in its channel, without its content. It shows no previews, for which Discord would fetch links
// that may work only once, or that only the person should open.
func newPost(m *bridges.Message) *post {
	p := &post{Nonce: m.ID, Enforce: m.ID != "", Allowed: nobody(), Flags: flagNoEmbeds}
	if to := toID(m.ReplyTo); to != "" && !m.Place.Direct && m.Forms[0].Kind != formPlain {
		maybe := false
		p.Reference = &discordgo.MessageReference{MessageID: string(to), FailIfNotExists: &maybe}
		p.Allowed.RepliedUser = m.Mention != ""
	}
	if who := toID(m.Mention); who != "" {
		p.Allowed.Users = []string{string(who)}
	}
	return p
}

// Send implements bridges.Bridge.
func (b *Bridge) Send(ctx context.Context, m bridges.Message) (string, error) {
	if len(m.Forms) == 0 {
		return "", fault.Kill("the message has no form that can be sent", nil)
	}
	switch form := m.Forms[0]; form.Kind {
	case formAnswer:
		return b.reply(ctx, &m, &post{Content: form.Text, Allowed: nobody(), Flags: flagNoEmbeds}, nil)
	case formText, formPlain:
		p := newPost(&m)
		p.Content = form.Text
		return b.post(ctx, m.Place, p, nil)
	case formVoice, formFile, formAnswerFile:
		return b.sendSound(ctx, &m)
	default:
		return "", fault.Reject("this version of the program cannot send the form "+form.Kind, nil)
	}
}

// post makes a message and returns its id, "" when Discord took it and its answer cannot be read.
func (b *Bridge) post(ctx context.Context, where bridges.Place, body *post, files []*discordgo.File) (string, error) {
	c := toID(where.Channel)
	if c == "" {
		return "", fault.Kill("the channel is none of Discord's", nil)
	}
	x, err := b.call(ctx, &request{
		method: http.MethodPost, path: "/channels/" + string(c) + "/messages", name: "POST /channels/messages", bucket: "post/" + string(c), body: body, files: files,
	})
	if e, ok := errors.AsType[*apiError](err); ok && e.code == discordgo.ErrCodeUnknownMessage && body.Reference == nil {
		return "", nil // the nonce is of a message that was posted and has been deleted since
	}
	if err != nil {
		b.tellRefused(err)
		return "", err
	}
	made := x.posted()
	b.posts.note(id(made), body.Nonce)
	return made, nil
}

// tellRefused lets the operator know that the token is refused.
func (b *Bridge) tellRefused(err error) {
	if l := b.open.Load(); l != nil && refused(err) {
		l.rx.Health(fault.Of(err))
	}
}

// posted is the id of the message that an answer describes, "" when it cannot be read.
func (x *exchange) posted() string {
	var m message
	if x.broken || json.Unmarshal(x.body, &m) != nil {
		return ""
	}
	return string(m.ID)
}

// Typing implements bridges.Typer.
func (b *Bridge) Typing(ctx context.Context, p bridges.Place) (time.Duration, error) {
	c := toID(p.Channel)
	_, err := b.call(ctx, &request{
		method: http.MethodPost, path: "/channels/" + string(c) + "/typing", name: "POST /channels/typing", bucket: "typing/" + string(c),
	})
	return typingLasts, err
}

// Remove implements bridges.Remover.
func (b *Bridge) Remove(ctx context.Context, p bridges.Place, message string) error {
	c, m := toID(p.Channel), toID(message)
	if c == "" || m == "" {
		return nil
	}
	_, err := b.call(ctx, &request{
		method: http.MethodDelete, path: "/channels/" + string(c) + "/messages/" + string(m), name: "DELETE /channels/messages", bucket: "delete/" + string(c),
	})
	if statusOf(err) == http.StatusNotFound {
		return nil
	}
	return err
}
