// Package avatar is the contract between the relay and the services that play a character.
//
// Replies belong to conversations, not to turns: a service may answer a turn at once, later over HTTP, several times, or never.
package avatar

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// A Backend is one configured avatar.
type Backend interface {
	// Ask gives the avatar one turn. Nil means that it has taken the turn, not that it has finished: a synchronous service says its
	// reply before Ask returns, a callback one returns at once. Calls for one conversation never overlap; calls for different ones
	// run in parallel. A repeated turn carries the same id. Ask obeys ctx, makes no retry of its own beyond renewing a token once, and
	// returns a *fault.Outcome: Dead when the service refuses in a way that only the operator can mend, Throttled with
	// scope Avatar when it asks for a pause, Retry (or any other error) for the rest.
	Ask(ctx context.Context, t Turn, say Speaker) error
}

// A Speaker takes what an avatar says in one conversation.
type Speaker interface {
	// Say takes one reply. In a Listener's handler, nil means that it is stored. A reply without anything to show is no error.
	Say(ctx context.Context, r Reply) error
	// Draft shows the text of the next reply as far as it is there, in place of the draft before: all of it, not what was added. It may end anywhere.
	// It returns at once and may be called for every piece that comes; what cannot be shown is left out. Nothing is said before Say.
	Draft(text string)
}

// A Hearer is a Backend that can hear what people say: a Turn may have Voice.
type Hearer interface {
	// Hears reports whether the backend is configured to hear. It never changes.
	Hears() bool
}

// A Listener is a Backend that hears replies over HTTP, at the Turn's Callback URL.
type Listener interface {
	// Handler serves one callback whose token was found to be genuine; say speaks in the conversation that the token names. It
	// answers 2xx only after Say returned nil, 404 when Say fails with ErrGone, and 503 for other errors.
	Handler(say Speaker) http.Handler
}

// A Waiter is a Backend whose replies come after Ask has returned. The conversation's next turn then waits until a reply to the turn is stored, or
// for the time that Patience says; the turn is never asked again for want of a reply.
type Waiter interface {
	// Patience is that time. 0: every reply is said before Ask returns. It never changes.
	Patience() time.Duration
}

// An Ender is a Backend whose service can be told that a conversation is over before it ended by itself.
type Ender interface {
	// End tells the service so, of the conversation that a Turn named so. It makes one attempt and returns a *fault.Outcome as Ask does. Nil also
	// when the service does not know the conversation.
	End(ctx context.Context, conversation string) error
}

// A Keeper is a Backend that keeps connections open after Ask has returned.
type Keeper interface {
	// Close ends them and waits for what it started. It is called once, after the last Ask and End have returned.
	Close() error
}

// A Turn is one message of a person to an avatar.
type Turn struct {
	ID           string // random, the same at every attempt
	Conversation string // random, changes when the conversation was ended or reset
	UserUID      string // the memory the turn belongs to: random and stable
	UserName     string // display name, cleaned; may be empty
	Locale       string // language tag, may be empty
	Platform     string // "telegram"
	Bridge       string // the bridge's name in the configuration
	Text         string // valid UTF-8; empty only with a Voice
	Voice        *Voice // what the person said; nil unless the Backend is a Hearer and the person sent their voice
	Callback     string // where later replies may be POSTed; "" when the program has no public URL
	// Later says replies to this turn, or in its conversation, after Ask has returned, while the program lives; it is never nil. Nil from Say means
	// that the reply is stored; ErrGone that the conversation has ended.
	Later Speaker
	// History is what was said before in this conversation, oldest first; nil unless the Backend is a Rememberer.
	History []Exchange
}

// Voice is what a person said, as a sound.
type Voice struct {
	Data []byte
	Type string // media type: "audio/ogg"
	Name string // a file name with an extension that fits Type
}

// An Exchange is an earlier turn and what was replied to it.
type Exchange struct {
	Name    string // who wrote it, cleaned; may be empty
	Asked   string
	Replied string // "" when there was no text
}

// A Rememberer is a Backend whose service remembers nothing itself: each Turn brings the conversation's History.
type Rememberer interface {
	// History is how many exchanges a Turn is to bring at most. It never changes.
	History() int
}

// A Reply is something that an avatar says.
type Reply struct {
	Text      string // Markdown; may be empty
	Audio     Audio
	Emotion   string // the service's own word: "joy"
	Animation Animation
	Heard     string // what the service understood of the person's words, "" when it does not say
	// Key identifies the reply within its conversation where the service says so; a reply with a known key is not stored again. "" for
	// replies that are said before Ask returns.
	Key    string
	KeyFor time.Duration // how long the key is known; 0: for good
	Ends   bool          // the conversation ends with this reply: the next turn opens a new one
}

// Audio is the sound of a reply: a URL, or the bytes themselves.
type Audio struct {
	URL  string
	Data []byte
	Type string // media type, "" when unknown
}

// Animation is a movement of the avatar's body.
type Animation struct {
	Name string
	URL  string
}

// ErrGone is what Say returns in a Listener's handler when the conversation has ended or was forgotten since the turn was asked.
var ErrGone = errors.New("the conversation has ended")
