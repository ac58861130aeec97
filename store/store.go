// Package store is the contract of what survives a restart: who people are, what they wrote, what is still to be posted.
//
// It is made of transactional verbs, not tables. What the relay stores in it (turns, posts) is opaque, versioned bytes. Nil from a
// verb means that its effect survives a power cut. The hot path is three verbs a message: Accept, Finish, Settle.
//
// # Lanes
//
// A conversation has two lanes, one of turns to ask and one of posts to send. Each lane is worked on from its head, one at a time:
// a verb hands out ("claims") the head, and nothing behind it, until the claim is given back by Finish, Defer, Settle or Park. A
// claim lives in the memory of the process: after a crash every head is waiting again. A post that is handed out is marked "sending" in the
// same transaction, so that after a crash it is known which posts may have been sent (they come back with Unclear set) and which
// surely were not.
//
// A head that nobody claimed is due at a time; ClaimTurns and ClaimPosts hand out what is due. A verb hands out a claim only if the
// caller has room for it: the fields named Turns, Posts, Next and Send say so.
//
// # Accounts
//
// All that belongs to one bot account carries the account's id ("telegram:123456"), not the configured name of the bridge.
package store

import (
	"context"
	"errors"
	"io"
	"time"
)

// The errors that callers tell apart. All others mean that nothing was changed and the same call may be made again.
var (
	ErrNotFound = errors.New("not found")
	// ErrStale means that a conversation has moved on to a newer generation or is gone, or that a turn is over.
	ErrStale = errors.New("the turn is over, or the conversation has a newer generation")
	// ErrLocked means that another process works on the database.
	ErrLocked = errors.New("another process uses the database")
	// ErrNewer means that the database was written by a newer version of the program.
	ErrNewer = errors.New("the database is from a newer version")
)

// A Store keeps what must survive a restart. All methods may be called by several goroutines at once. A verb about something that was
// forgotten meanwhile changes nothing, hands out nothing and returns nil.
type Store interface {
	// Accept stores what a bridge received and its cursor, in one transaction. Results are in the order of b.Entries.
	Accept(ctx context.Context, b Batch) ([]Result, error)
	// Cursor returns the account's stored cursor and when it was last moved; "" and the zero time when there is none.
	Cursor(ctx context.Context, account string) (string, time.Time, error)

	// ClaimTurns hands out up to n due heads of the account's lanes with the avatar, oldest due time first, and says when the next
	// one that is not handed out is due (the zero time: none waits).
	ClaimTurns(ctx context.Context, account, avatar string, now time.Time, n int) ([]Turn, time.Time, error)
	// Waiting returns the avatars for which turns of the account wait or are being asked, sorted.
	Waiting(ctx context.Context, account string) ([]string, error)
	// Defer gives a claimed turn back: it stays the head of its lane and is due at d.Due. Where it was settled or forgotten meanwhile, the
	// Claims say that the one behind it waits, and d.Over is posted. It hands nothing out.
	Defer(ctx context.Context, d Deferred) (Claims, error)
	// Finish settles a claimed turn: its body is cleared, what was said is appended, in one transaction.
	Finish(ctx context.Context, f Finished) (Claims, error)
	// Draft notes what is shown as a draft of the claimed turn's reply, in place of what was noted before: it comes back as Turn.Draft each
	// time the turn is handed out, until Finish. When the turn is over or forgotten it notes nothing and returns ErrStale: the draft will not
	// come back to anybody.
	Draft(ctx context.Context, turn int64, draft string) error
	// Current returns the conversation of a claimed turn as it is now, ErrStale when the turn is over or forgotten: for who has done something between
	// the claim and the asking that takes long.
	Current(ctx context.Context, turn int64) (Conversation, error)
	// Transcript returns the last n memos that Finish kept of the conversation's current generation, oldest first.
	Transcript(ctx context.Context, conversation int64, n int) ([][]byte, error)
	// Feed returns what the feed of a live conversation holds with ids above after, oldest first: the newest n of it. It returns nil when there is no such
	// conversation. What a verb put into the feed is there once the verb has returned, and ids rise in the order in which they become visible;
	// only where a Move makes one of two conversations, the items of both keep their ids.
	Feed(ctx context.Context, in Address, from Identity, after int64, n int) ([]Item, error)
	// Places returns where the account has live conversations, each place once, those of the newest conversations first, at most n. Of the
	// addresses, Account, Channel, Thread and Direct are set.
	Places(ctx context.Context, account string, n int) ([]Address, error)
	// Say appends a reply that comes outside of a turn. It returns ErrStale when s.Generation is not the conversation's current one, s.UID
	// is another one's, or nothing is known of s.Turn (it was forgotten), except for a known key, which is no error and changes nothing.
	Say(ctx context.Context, s Said) (Claims, error)

	// ClaimPosts hands out up to n due heads of the account's post lanes and marks them "sending". The time is as in ClaimTurns.
	ClaimPosts(ctx context.Context, account string, now time.Time, n int) ([]Post, time.Time, error)
	// Park gives a claimed post back unsent, and takes the mark from it: it is due again at the time due. The Claims are as in Defer.
	Park(ctx context.Context, post int64, due time.Time) (Claims, error)
	// Settle says how sending a claimed post ended.
	Settle(ctx context.Context, s Settled) (Claims, error)

	// Hold keeps h, in place of an earlier hold with the same scope. Holds are kept, not enforced: the relay asks before it acts.
	Hold(ctx context.Context, h Hold) error
	// Release ends the hold with this scope, which is no error when there is none, and makes due now every head that it could have held.
	Release(ctx context.Context, scope Scope, now time.Time) error
	// Holds returns the holds that are not over at now.
	Holds(ctx context.Context, now time.Time) ([]Hold, error)
	// Moves returns the account's channels that have another id now: old id to newest id.
	Moves(ctx context.Context, account string) (map[string]string, error)

	// Dead returns dead letters, newest first: those with an id below before (0: from the newest), at most n.
	Dead(ctx context.Context, before int64, n int) ([]Letter, error)
	// Retry puts dead letters back at the end of their lanes, due now, as if nothing had been tried; their turns are Revived. Without ids
	// it takes all. It returns how many it put back.
	Retry(ctx context.Context, now time.Time, ids ...int64) (int, error)
	// Drop deletes dead letters for good; without ids all of them.
	Drop(ctx context.Context, ids ...int64) (int, error)

	// People returns people by the time they were last seen, newest first, skipping the first skip, at most n.
	People(ctx context.Context, skip, n int) ([]Person, error)
	// Person finds one by uid, or by "platform:user" or "platform:tenant:user"; ErrNotFound when there is none.
	Person(ctx context.Context, ref string) (Person, error)
	// Export writes all that is kept of a person as one JSON document.
	Export(ctx context.Context, uid string, w io.Writer) error
	// Forget deletes all that is kept of a person, so that no byte of it is left in the store's files: identities, uids, conversations of
	// their own, turns, posts, feeds, dead letters, counters. In shared conversations their turns and the replies to those go. Event keys stay, so
	// that nothing is answered again. It returns the conversations that were deleted, for services to be told.
	Forget(ctx context.Context, uid string) ([]Conversation, error)

	// Secret returns the program's own random secret of 32 bytes with this name, and makes it the first time. That of EpochSecret is another one
	// after the store was restored from a backup.
	Secret(ctx context.Context, name string) ([]byte, error)

	// Depth counts what waits.
	Depth(ctx context.Context) (Depth, error)
	// Purge deletes what is over and older than before: event keys, sent posts, dead letters, counters, people who have no conversation
	// left, items of feeds. People stay known on platforms where they have an account; visitors are the platforms where they have none: there
	// a person's own conversations in which nothing happened since go too, with all that belongs to them. It works in small steps between other
	// verbs and returns how many rows it deleted.
	Purge(ctx context.Context, before time.Time, visitors ...string) (int, error)
	// Writable writes and commits something small: nil means that the store can take messages.
	Writable(ctx context.Context) error
	// Backup writes a consistent copy to a new file while the store works on. The file must not exist.
	Backup(ctx context.Context, file string) error
	// Close waits for the verbs under way and closes the store.
	Close() error
}

// EpochSecret is the name of the secret that says which numbers hold: after a restore, ids that were given since the backup are given again.
const EpochSecret = "epoch"

// An Identity is somebody on a platform.
type Identity struct {
	Platform string
	Tenant   string // "" except where user ids are unique in a workspace only
	User     string // immutable id, never a name
}

// PersonKey begins the keys of a person's limits and notices, so that Forget finds them.
func PersonKey(i Identity) string {
	return "person/" + i.Platform + "/" + i.Tenant + "/" + i.User
}

// Memory says who shares one memory uid.
type Memory string

// The memories. Their uids are random and never change: not by a restart, a reset, or a move of the channel.
const (
	MemoryPerson Memory = "person" // the person's own uid, the same in every place
	MemoryMember Memory = "member" // one for the person in this channel
	MemoryRoom   Memory = "room"   // one for all in the channel
	MemoryThread Memory = "thread" // one for all in the thread
)

// An Address is what a conversation is found by, with the newest id of a channel that has moved, whichever of its ids a caller knows. With MemoryRoom and MemoryThread all who speak there share one conversation, else each
// person has one of their own.
type Address struct {
	Account string
	Avatar  string
	Channel string
	Thread  string
	Direct  bool // kept with the conversation, no part of its key
	Memory  Memory
}

// A Conversation is one avatar in one place with one person, or with all who are there.
type Conversation struct {
	ID         int64
	UID        string // random; a new one for each generation
	Generation int    // starts at 1
	MemoryUID  string
	Address
}

// A Batch is what Accept stores.
type Batch struct {
	Account string
	Cursor  string // "" leaves the stored one
	Now     time.Time
	Entries []Entry
	Turns   int // how many turns may be handed out
	Posts   int // how many posts may be handed out
}

// An Entry is one thing to be done for an event: exactly one of the pointers is set.
type Entry struct {
	Key   string // the event's key; "" for what is harmless to repeat. A known key makes the entry Known and changes nothing
	Turn  *NewTurn
	Post  *NewPost
	Edit  *Edit
	Reset *Reset
	Move  *Move
	// Refusable: what is Over or Full leaves nothing behind, neither the key nor a notice nor anybody who became known. Whoever offered it is
	// told, and may offer it again.
	Refusable bool
}

// A NewTurn is a message of a person to an avatar.
type NewTurn struct {
	ID         string // random, the turn's id for ever
	From       Identity
	Name       string // display name, kept for the operator's list of people
	In         Address
	Body       []byte
	Limits     []Limit // all must have room, else the turn is Over and counts nowhere
	MaxWaiting int     // how many turns the lane takes, with the one being asked; more are Full
	Full       *Notice // said when it is Full
	Feed       []byte  // kept in the conversation's feed when the turn is stored; nil: nothing
	Feeds      int     // how many items the feed keeps, with this one; older ones are deleted. 0 with a nil Feed
}

// A Limit is a durable counter of a fixed window that opens with the first event counted in it.
type Limit struct {
	Key   string // who or what is counted, at most 200 bytes; of a person it begins with PersonKey
	Max   int
	Every time.Duration // two limits with one Key and different Every are two counters
	Over  *Notice       // said when there is no room
}

// A Notice is a word of the program itself, said at most once in a time.
type Notice struct {
	Key    string        // notices with the same key are the same notice; of a person it begins with PersonKey
	Every  time.Duration // how long it is not said again
	Pieces [][]byte      // posts, in order
}

// A NewPost is something said without a turn, in answer to an event.
type NewPost struct {
	From    Identity
	Name    string
	In      Address
	Notice  Notice // with an empty Key it is always said
	Preface [][]byte
}

// An Edit gives the waiting turn with the event key Target another body, or cancels it when Body is nil or returns nil. A turn that may
// have been asked is left alone, unless Unsay is set.
type Edit struct {
	Target string
	Body   func(old []byte) []byte // makes the new body of the old one. Called inside the transaction: it must be quick
	// Unsay makes the post that takes back one which was sent, of the platform's id of it. With a nil Body, a turn that was asked before is then
	// unsaid: it is over, its memo and its dead letters go, what still waits to be posted of its replies is withheld, for each post that was
	// sent with an id an Unsay post is appended to its lane, and what is said to it from now on, by Finish or Say, is not posted; the verdict is
	// Done, for a repeat too, which does nothing more. It is called inside the transaction, and by the Settle of a post that was being sent
	// when its turn was unsaid: one that was sent is taken back then, any other is over. (One that was being sent when the program died stays,
	// for nobody knows its id.) What stands apart is never taken back: prefaces, Reply.Apart. Nil: replies stay.
	Unsay func(sent string) []byte
	// Erase makes, where a turn is unsaid, the post that takes away the draft which Draft noted last for the turn with the id. It is called as
	// Unsay is. Nil: drafts stay.
	Erase func(turn, draft string) []byte
}

// A Reset opens a new generation of the conversation, if there is one, and then says Post.
type Reset struct {
	Post   NewPost
	Limits []Limit // as in NewTurn
	Quiet  bool    // where there is no conversation, nothing is said and nobody becomes known
}

// A Move says that a channel has another id. Conversations, memories, identities, waiting turns and posts, and channel holds
// follow. If a conversation exists at the new id already, the older one's uids win and nothing that waits is lost.
type Move struct {
	From, To string
}

// Verdict says what became of an Entry.
type Verdict uint8

// The verdicts.
const (
	Done     Verdict = iota // it was carried out (an Edit: a turn was changed)
	Known                   // its key was seen before
	Over                    // a limit has no room; Result.Limit says which
	Full                    // the lane takes no more
	NotFound                // an Edit that changes no turn, a Reset without a conversation
)

// A Result is what became of an Entry, and what was claimed for it.
type Result struct {
	Verdict Verdict
	Limit   string // Over: the key of the first limit that has no room
	// Until is when all limits that have no room now will have opened again, for Over; the zero time else.
	Until time.Time
	Ended string // a Reset: the uid that the conversation had in the generation which is over
	Claims
}

// Claims are what a verb hands out.
type Claims struct {
	Turn *Turn // nil: none
	Post *Post // nil: none
	// TurnWaits and PostWaits say that a head is due now that was not handed out for want of room: ClaimTurns, ClaimPosts will.
	TurnWaits, PostWaits bool
}

// A Turn is a claimed turn.
type Turn struct {
	Row          int64
	ID           string
	Conversation Conversation
	Body         []byte
	Attempts     int
	Accepted     time.Time // or when Retry put it back last
	Tried        time.Time // when it was first given back after an attempt or with Deferred.Tried; the zero time: never
	Draft        string    // what Draft noted last
	Awaited      bool      // it was asked and given back with Deferred.Awaits, and no reply came in time: it is not to be asked again
	Revived      bool      // Retry put it back: an operator wants it answered, however old it is
}

// Deferred says why and until when a turn is given back.
type Deferred struct {
	Turn     int64
	Now      time.Time
	Due      time.Time
	Attempts int   // made so far
	Tried    bool  // Turn.Tried begins, though no attempt was made: the avatar is known to be down
	Anew     bool  // Turn.Tried is cleared: what it waits for is not its avatar's fault, and not to be counted against it
	Unasked  bool  // nobody was asked since it was handed out: an Edit may still change it, if it was never asked before
	Hold     *Hold // kept in the same transaction; nil: none
	// Awaits says that the turn was asked and its reply is to come by Say, which settles it. Until Due, which neither a crash nor a Release
	// changes, it stays the head of its lane; then it is handed out as Awaited. If the conversation's generation ended since it was handed out, or is
	// ended by a Say for another turn before Due, it is due at once instead, to be asked anew: once, for good. A Reset settles it.
	Awaits bool
	// Over is posted where the turn is over, unless it was forgotten: each is a reply that stands apart, such as what takes away a draft that
	// appeared too late for the Erase of the Edit by which it ended.
	Over [][]byte
}

// Finished says how asking a turn ended.
type Finished struct {
	Turn    int64
	Now     time.Time
	Replies []Reply
	Preface [][]byte // posted before the first reply that the conversation ever gets, then never again
	Dead    string   // why the turn failed for good: it becomes a dead letter that keeps its body. "" when it did not
	Tries   int      // Dead: attempts made in all
	Notice  *Notice  // said after Replies; nil: nothing
	Memo    []byte   // kept in the conversation's transcript, unless a newer generation has begun; nil: nothing
	Memos   int      // how many memos the transcript keeps, with this one; older ones are deleted. 0 with a nil Memo
	Next    bool     // the caller has room for the lane's next turn
	Send    bool     // the caller has room for a post of this conversation
}

// A Reply is one reply, as posts.
type Reply struct {
	Key    string        // "" or unique in the conversation: a reply with a known key is left out
	KeyFor time.Duration // how long the key is known; 0: as long as it is kept. What is left out does not make it longer
	Pieces [][]byte
	Ends   bool // the conversation goes on in a new generation
	Apart  bool // no word to the person, such as taking away a draft: no preface comes before it, and it is posted also when the turn is unsaid
}

// Said is a reply outside of a turn.
type Said struct {
	Conversation int64
	UID          string // the conversation's in that generation, by which it is told from another one that has its id since a restore; "": not compared
	Generation   int
	Turn         string // the id of a turn that this reply settles if it is not settled yet; "" for none. Its claim is not given back
	Now          time.Time
	Reply        Reply
	Preface      [][]byte
	Send         bool
}

// A Post is a claimed post.
type Post struct {
	ID           int64 // never used twice, also not after a crash
	Conversation Conversation
	Body         []byte
	Attempts     int
	Unclear      bool // it may have been sent: a crash came between, or Settle said so
	Created      time.Time
	Tried        time.Time // when it was first given back after an attempt; the zero time: never
}

// Ending says how a post ended.
type Ending uint8

// The endings. With Failed and Unsure the later pieces of the same reply end in the same way; later replies go on.
const (
	Sent     Ending = iota // its body is cleared
	Again                  // it stays the head of its lane and is due at Due
	Failed                 // it becomes a dead letter
	Unsure                 // it may have been sent and is not to be repeated: a dead letter that says so
	Withheld               // its body is cleared, nothing was sent: what remains of the reply is not wanted any more
)

// Settled says how sending a claimed post ended.
type Settled struct {
	Post     int64
	Now      time.Time
	As       Ending
	SentID   string    // Sent: the platform's id, may be ""
	Due      time.Time // Again
	Attempts int       // Again, Failed, Unsure: made so far
	Unclear  bool      // Again: it may have been sent
	Body     []byte    // Again: what to send instead; nil leaves it
	Reason   string    // Failed, Unsure: for the operator
	Hold     *Hold     // kept in the same transaction; nil: none
	Feed     []byte    // Sent: kept in the conversation's feed; nil: nothing
	Feeds    int       // how many items the feed keeps, with this one. 0 with a nil Feed
	Send     bool      // the caller has room for the conversation's next post
	Any      bool      // with Send: where the conversation has none that is due, the caller has room for the account's longest due one
}
