// Package bridges is the contract between the relay and the platforms on which people write.
//
// A bridge turns what its platform delivers into Events, hands them to a Receiver and acknowledges them only after the Receiver has
// stored them. In the other direction it cuts a Message into pieces of one platform call each (Fit) and makes those calls (Send). It
// keeps no queue, repeats nothing and remembers nothing that must survive a restart: that is the relay's work.
package bridges

import (
	"context"
	"net/http"
	"time"
)

// A Bridge is one account on one platform.
type Bridge interface {
	// Run stays connected until ctx ends, then returns nil. It reconnects by itself and returns an error only when going on is
	// pointless (a refused token). It calls rx.Open once it knows which account it is, before the first Receive, and acknowledges
	// an event only after rx.Receive returned nil.
	Run(ctx context.Context, rx Receiver) error

	// Fit cuts and adapts m into messages of one platform call each, without I/O. Each has at least one of Forms, best first, and
	// no piece is over the platform's limits. It returns nil when m has nothing to show. It may be called before and during Run, by
	// several goroutines.
	Fit(m Message) []Message

	// Send makes the one call for m.Forms[0], without retry, and returns the platform's id of what was posted. How it ended is a
	// *fault.Outcome. Any 2xx is success, with or without an id. It may be called by several goroutines at once.
	Send(ctx context.Context, m Message) (id string, err error)
}

// A Receiver takes what a bridge hears. The relay implements it.
type Receiver interface {
	// Open says which account the bridge is, as "platform:immutable id" ("telegram:123456"). It returns the cursor that the last
	// stored batch of this account carried, "" the first time. An error means that the bridge cannot run (another bridge has the
	// same account); the bridge returns it from Run.
	Open(ctx context.Context, account string) (cursor string, err error)

	// Receive stores a batch and its cursor in one transaction. Nil means that all of it survives a power cut and may be
	// acknowledged; on an error nothing was stored and the bridge offers the same batch again later.
	Receive(ctx context.Context, b Batch) error

	// Health says how the connection is: nil after each sign of life of the platform, an error when it was lost. The error's text is
	// shown to the operator.
	Health(err error)
}

// A Batch is what a bridge received in one go.
type Batch struct {
	Events []Event
	Cursor string // the platform's position after these events, opaque to the relay; "" leaves the stored one as it is
}

// Kind says what an Event is.
type Kind uint8

// The kinds of events. What a bridge does not know it leaves out of the batch; the cursor moves past it.
const (
	Written Kind = iota // somebody wrote a message
	Edited              // the message Target has the text Text now
	Deleted             // the message Target is gone
	Command             // a command to the program: Command is its name without a slash, Text its arguments
	Moved               // the channel Place.Channel has the id To now
)

// An Event is one thing that happened on the platform.
type Event struct {
	Kind Kind
	// Key identifies the event within the account, the same at every delivery of it; "" for kinds that are harmless when repeated. A
	// message that a platform reports in several ways has one key.
	Key         string
	Target      string // Edited, Deleted: the Key of the message
	At          time.Time
	From        Person
	Place       Place
	Message     string // the platform's id of the message, for a reply's reference
	Text        string // without the mention of the bot that opened it
	Attachments []Attachment
	Addressed   bool   // by a mention of the bot or as a reply to it; a direct chat always is
	Command     string // Command: "start", "reset"
	To          string // Moved: the new channel id
}

// A Person is who an event comes from.
type Person struct {
	Platform string // "telegram"
	Tenant   string // "" except where ids are unique in a workspace only
	User     string // the platform's immutable id, never a name
	Name     string // display name as written by the person: never trusted
	Locale   string // language tag, may be empty
	Bot      bool   // bots are never answered
}

// A Place is where a conversation happens.
type Place struct {
	Channel string // the platform's id of the chat or channel
	Thread  string // thread or topic in it, "" for none
	Direct  bool   // a chat of the bot with one person
}

// An Attachment is a file that came with a message.
type Attachment struct {
	Kind string `json:"kind"`           // "voice", "image", "video", "file"
	Ref  string `json:"ref"`            // the platform's handle of the file; opaque, holds no secret
	Type string `json:"type,omitempty"` // media type, may be empty
	Name string `json:"name,omitempty"`
	Size int64  `json:"size,omitempty"` // bytes, 0 when unknown
}

// AudioMode says what a route wants to be done with the audio of a reply.
type AudioMode string

// The audio modes. Whatever the mode, a platform that refuses the audio gets the link.
const (
	AudioLink   AudioMode = "link"   // a link below the text (the default)
	AudioNative AudioMode = "native" // a voice message where the format allows it, else as AudioFile
	AudioFile   AudioMode = "file"   // an audio file
	AudioOff    AudioMode = "off"
)

// Audio is the sound of a reply.
type Audio struct {
	Source       string    `json:"source"`         // for Media.Fetch: a URL, or the program's own handle
	Link         string    `json:"link,omitempty"` // a URL that people can open, "" when there is none
	Type         string    `json:"type,omitempty"` // media type, "" when unknown
	Mode         AudioMode `json:"mode,omitempty"`
	AllowPrivate bool      `json:"allow_private,omitempty"` // the avatar's setting, for Media.Fetch
}

// A Message is something to post. Before Fit it holds the content; after Fit it holds Forms instead. It is stored as JSON between the
// two, so its field names are part of the stored format.
type Message struct {
	ID    string `json:"-"` // set for Send: the post's id, the same at each attempt; at most 25 letters and digits
	Place Place  `json:"-"` // set for Send: where to post

	ReplyTo string `json:"reply_to,omitempty"` // the platform's id of the message that this answers, "" for none
	Mention string `json:"mention,omitempty"`  // the only user id that the message may ping, "" for none

	Text      string `json:"text,omitempty"` // Markdown as an avatar writes it: any text is valid
	Audio     *Audio `json:"audio,omitempty"`
	Emotion   string `json:"emotion,omitempty"`   // set only if it is to be shown
	Animation string `json:"animation,omitempty"` // URL, set only if it is to be shown

	Forms []Form `json:"forms,omitempty"`
}

// A Form is one way to make a message's call.
type Form struct {
	Kind  string `json:"kind"`            // the bridge's own name for it: "html", "text", "voice"
	Text  string `json:"text,omitempty"`  // as sent to the platform
	Audio *Audio `json:"audio,omitempty"` // to be uploaded
}

// A File is the content of an audio or an attachment.
type File struct {
	Name string // a file name with an extension that fits Type
	Type string // media type
	Data []byte
}

// Media gives bridges the bytes behind an Audio. It bounds time and size, and refuses addresses that the avatar may not name. The error
// is a *fault.Outcome: Rejected when the link is all that can be posted.
type Media interface {
	// Fetch returns the audio. If want is not "", it is converted to that media type where the machine can, else Fetch fails with
	// Rejected.
	Fetch(ctx context.Context, a Audio, want string) (*File, error)
}

// A Typer can show that the avatar is thinking.
type Typer interface {
	// Typing shows the indicator once and returns how long the platform keeps showing it. Errors are only logged.
	Typing(ctx context.Context, p Place) (lasts time.Duration, err error)
}

// A Webhook is a bridge that hears its platform over HTTP: the handler is served at /bridges/NAME/webhook while Run runs.
type Webhook interface {
	// Handler hands events to the Receiver that Run was given, and answers 503 before Run has opened it.
	Handler() http.Handler
}

// A Fetcher can fetch what came with a message.
type Fetcher interface {
	// Attachment returns the file that a.Ref names, from the platform that the bridge is configured for. The error is a
	// *fault.Outcome: Rejected when the file is too large or gone.
	Attachment(ctx context.Context, a Attachment) (*File, error)
}
