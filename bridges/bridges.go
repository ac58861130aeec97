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
	// acknowledged; on an error nothing was stored and the bridge offers the same batch again later. The error is a *TooMany when the batch is
	// Refusable and was refused.
	Receive(ctx context.Context, b Batch) error

	// Feed returns what was written and posted in the direct chat of from at p with ids above after, oldest first: the newest n of it. The
	// bridge must be a Feeder. What News was called for is in it.
	Feed(ctx context.Context, p Place, from Person, after int64, n int) ([]Item, error)

	// Secret returns 32 random bytes that belong to the account alone and never change.
	Secret(ctx context.Context) ([]byte, error)

	// Epoch returns a text that stays the same for as long as the ids of items mean the same. After the store was restored from a backup, which
	// gives ids again, it is another one.
	Epoch(ctx context.Context) (string, error)

	// Places returns where people talked with the account, newest first, at most n: what a bridge has to look through after a gap.
	Places(ctx context.Context, n int) ([]Place, error)

	// Health says how the connection is: nil after each sign of life of the platform, an error when it was lost. The error's text is
	// shown to the operator.
	Health(err error)
}

// A Batch is what a bridge received in one go.
type Batch struct {
	Events []Event
	Cursor string // the platform's position after these events, opaque to the relay; "" leaves the stored one as it is
	// Refusable says that whoever sent it is waiting to be told whether it was taken: where a limit has no room for it, or too much waits already,
	// nothing of it is kept, not even its Key, nothing is said, and Receive returns a *TooMany. It has one event and no Cursor. Of other
	// batches such events are acknowledged, not answered, and the person is told now and then.
	Refusable bool
}

// TooMany is the error of Receive for a batch that was refused. The same batch may be offered again.
type TooMany struct {
	After time.Duration // when there may be room
}

// Error implements error.
func (t *TooMany) Error() string { return "there is no room for the message now" }

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
	Within      []string // ids of what Place.Channel is in, narrowest first, for routes: a thread's or category's parent, the guild, the team
	Answer      string   // the platform's handle for answering just this event (an interaction's token): opaque, given back in Message.Answer
	Addressed   bool     // by a mention of the bot or as a reply to it; a direct chat always is
	Command     string   // Command: "start", "reset", "mute", "unmute"
	To          string   // Moved: the new channel id
}

// A Person is who an event comes from.
type Person struct {
	Platform string   // "telegram"
	Tenant   string   // "" except where ids are unique in a workspace only
	User     string   // the platform's immutable id, never a name
	Name     string   // display name as written by the person: never trusted
	Locale   string   // language tag, may be empty
	Bot      bool     // bots are never answered
	Roles    []string // ids of the roles that the person has there, for lists of who may speak
	Manages  bool     // the platform lets the person manage the place: may mute the avatar there
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
	Answer  string `json:"answer,omitempty"`   // Event.Answer of what this answers, "" when the platform gave none
	More    bool   `json:"more,omitempty"`     // something else may have answered Answer before: this follows it and replaces nothing
	Notice  bool   `json:"notice,omitempty"`   // a word of the program itself, not of the avatar

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

// A Recording is what a person said.
type Recording struct {
	From Person // Platform, Tenant and User are asked for
	ID   string // of the message, unique among the person's
	Data []byte
}

// Media gives bridges the bytes behind an Audio. It bounds time and size, and refuses addresses that the avatar may not name. The error
// is a *fault.Outcome: Rejected when the link is all that can be posted.
type Media interface {
	// Fetch returns the audio. If want is not "", it is converted to that media type where the machine can, else Fetch fails with
	// Rejected. A URL is fetched once: later calls get the copy for as long as it is kept.
	Fetch(ctx context.Context, a Audio, want string) (*File, error)
	// Serve fetches the audio once and keeps it for a while. It returns the path on the public server at which everybody who knows it hears
	// it ("/media/…"), and its media type.
	Serve(ctx context.Context, a Audio) (path, mediaType string, err error)
	// Keep stores what a person said, under the id that their message has, for a while, and returns a handle for Load. Nil means that it survives a power cut.
	// A repeat with the same From and ID returns the same handle, stores nothing and is not fresh, also after the relay dropped what was there. What is
	// no audio, and what is too large, is Rejected; Throttled means that so much of the person's waits that there is no room for more.
	Keep(ctx context.Context, r Recording) (ref string, fresh bool, err error)
	// Discard undoes a Keep that was fresh and of which nothing came, as if it had never been made.
	Discard(ctx context.Context, ref string) error
	// Load returns what Keep stored; Rejected when it is gone.
	Load(ctx context.Context, ref string) (*File, error)
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

// A Site is a bridge with pages of its own.
type Site interface {
	// Site serves the paths /chat/NAME, /chat/NAME/…, and / for the first such bridge. Nothing but the pages themselves is served before Run has
	// opened: the rest is 503. Its requests may last for as long as people stay, until Run's context ends.
	Site() http.Handler
}

// A Feeder is a bridge that shows people again what was said: the relay keeps the latest of it in the store. Its posts are settled as
// soon as Send returns nil, so sending one again does no harm.
type Feeder interface {
	// Feed is how many items of each direct chat are kept. It never changes.
	Feed() int
	// News says that there is something new in the feed of the chat at p. It must return at once.
	News(p Place)
}

// An Item is one thing in a feed.
type Item struct {
	ID int64     `json:"-"` // rises within the chat; never used twice
	At time.Time `json:"-"`

	Key   string `json:"key,omitempty"`   // of the event, for what the person wrote; "" for what was posted
	Text  string `json:"text,omitempty"`  // what the person wrote
	Voice bool   `json:"voice,omitempty"` // the person sent their voice

	Post   string `json:"post,omitempty"` // for what was posted: the id that Send returned
	Notice bool   `json:"notice,omitempty"`
	Form   Form   `json:"form,omitzero"` // what was posted
}

// A Drafter can show a reply that is still being written. A draft is no reply: the whole text is posted when it is there.
type Drafter interface {
	// Drafts says how drafts are shown in a place.
	Drafts(p Place) DraftStyle
	// Draft shows d in place of the draft's former version and returns the platform's id of it, "" where a draft goes by itself. It makes one
	// attempt; after an error other than Throttled there are no more drafts of this reply.
	Draft(ctx context.Context, d Draft) (id string, err error)
}

// A DraftStyle is how a place shows drafts.
type DraftStyle struct {
	Every time.Duration // how long to wait between two versions at least, by the platform's rules for the place; 0: the place shows no drafts
	Stays bool          // a draft is a message that stays until a Remover takes it away; else it goes by itself, with the reply or soon after
}

// A Draft is a reply as far as it is written.
type Draft struct {
	ID      string // the same for all versions and at each attempt, until an operator puts the turn back; at most 25 letters and digits
	Place   Place
	ReplyTo string // the platform's id of the message that is answered, "" for none
	Answer  string // as in Message
	Text    string // Markdown that may end anywhere. "" (only where drafts do not stay): there will be no reply after all
	Shown   string // the id of the former version, "" for the first
	Lost    bool   // with an empty Shown: a former version may be there, whose id the program did not live to store
}

// A Remover can take back what was posted.
type Remover interface {
	// Remove deletes the bot's own message with the id. Nil when it is gone, also when it was gone before. How it failed is a *fault.Outcome.
	Remove(ctx context.Context, p Place, id string) error
}

// A Finder can look whether a post was made of which nobody knows.
type Finder interface {
	// Find looks for m, which may have been posted at any time after since, and returns the platform's id of it, "" when it surely is not there. An
	// error, a *fault.Outcome, means that nobody can tell now. The relay asks before it sends again what is unclear.
	Find(ctx context.Context, m Message, since time.Time) (id string, err error)
}

// A Fetcher can fetch what came with a message.
type Fetcher interface {
	// Attachment returns the file that a.Ref names, from the platform that the bridge is configured for. The error is a
	// *fault.Outcome: Rejected when the file is too large or gone.
	Attachment(ctx context.Context, a Attachment) (*File, error)
}
