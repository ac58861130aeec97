package relay

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"avatarbridge/avatar"
	"avatarbridge/bridges"
	"avatarbridge/store"
)

// Config is all that a Relay works with. Store, Bridges, Avatars and Log must be set; zero values of the rest mean the defaults that
// stand beside them.
type Config struct {
	Store    store.Store
	Bridges  []Bridge
	Avatars  []Avatar
	Messages Messages
	Media    Media // nil: audio that comes as bytes is left out, and no URL is refused
	Meter    Meter // nil: nothing is measured
	Log      *slog.Logger

	// CallbackURL makes the public URL at which an avatar's later replies arrive; nil or "" when there is no public URL.
	CallbackURL func(avatar, token string) string

	Keep        time.Duration // how long event keys and dead letters are kept: 720h
	AskTimeout  time.Duration // for one call of Ask: 120s
	SendTimeout time.Duration // for one call of Send, uploads included: 6m. Bridges have shorter ones of their own
	MaxAttempts int           // of a turn or a post: 6
	RetryWithin time.Duration // since the turn was accepted: 15m
	MaxWaiting  int           // turns in one conversation: 20
	Grace       time.Duration // how long Run waits for calls under way when it stops: 5s

	jitter func(limit time.Duration) time.Duration // a random time below limit
}

// Bridge is a configured bridge.
type Bridge struct {
	Name        string
	Platform    string
	Bridge      bridges.Bridge
	Default     Settings // holds where no route matches
	Routes      []Route  // the first match wins
	AllRooms    bool     // rooms that no route lists are answered too, with Default
	HoldUnclear bool     // on_unclear = "hold"
	MaxInFlight int      // posts being sent at once; 0: 32
	Rate        Rate     // of posts at most; the zero Rate is no cap. Drafts are not counted
	Visitors    bool     // people have no account on the platform: those who stay away for Keep are forgotten
	Announces   bool     // the bridge says itself, for as long as people talk there, that they talk to an AI
}

// Route gives some channels settings of their own.
type Route struct {
	Channels []string // ids of channels, or of what they are in: categories, guilds, teams
	Settings Settings
}

// Settings say how one place is answered. They are complete: what a route leaves out was filled from its bridge.
type Settings struct {
	Avatar        string
	ReplyWhen     ReplyWhen         // of rooms; "" is ReplyMention
	Memory        store.Memory      // of rooms; "" is store.MemoryMember. Direct chats always have store.MemoryPerson
	Audio         bridges.AudioMode // "" is bridges.AudioLink
	ShowEmotion   bool
	ShowAnimation bool
	Limits        Limits
	Allow, Deny   []string      // ids of people, roles, channels and what these are in; Deny wins. An empty Allow allows all
	MaxAge        time.Duration // of a message when it is asked; 0 is 1h in direct chats and 10m in rooms
}

// ReplyWhen says which messages of a room are for the avatar.
type ReplyWhen string

// The values of reply_when.
const (
	ReplyMention ReplyWhen = "mention" // those that mention the bot or reply to it
	ReplyAlways  ReplyWhen = "always"
	ReplyNever   ReplyWhen = "never"
)

// Avatar is a configured avatar.
type Avatar struct {
	Name          string
	Display       string // how it calls itself; "" is Name
	Backend       avatar.Backend
	AllowPrivate  bool // its audio may be at private addresses
	MaxConcurrent int  // turns being asked at once: 1024
}

// Limits are rates for one person, one room, all of one bridge, and one avatar; an empty list is no limit.
type Limits struct {
	Person, Room, Bridge, Avatar []Rate
}

// Rate allows Max messages in a window of Every that opens with the first of them.
type Rate struct {
	Max   int
	Every time.Duration
}

var units = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

// ParseRates reads rates as they stand in the configuration: "10/m, 200/d", the units being s, m, h, d; "off" is no limit.
func ParseRates(s string) ([]Rate, error) {
	if strings.TrimSpace(s) == "off" {
		return nil, nil
	}
	var rates []Rate
	for part := range strings.SplitSeq(s, ",") {
		n, unit, ok := strings.Cut(strings.TrimSpace(part), "/")
		max, err := strconv.Atoi(strings.TrimSpace(n))
		every := units[strings.TrimSpace(unit)]
		if !ok || err != nil || max < 1 || every == 0 {
			return nil, fmt.Errorf("%q is no rate: write it like \"10/m, 200/d\" (units s, m, h, d), or \"off\"", strings.TrimSpace(part))
		}
		rates = append(rates, Rate{Max: max, Every: every})
	}
	return rates, nil
}

// Messages are the program's own words; "" switches one off.
type Messages struct {
	AINotice    string // before the first reply in a direct chat
	Hello       string // to /start
	Reset       string // to /reset
	Busy        string // somebody is over a limit, or has too much waiting
	Unavailable string // a turn failed for good
	TooOld      string // messages were too old to be answered
	TextOnly    string // a message had nothing in it that an avatar can read
	NoVoice     string // a voice message came, and the avatar cannot hear
	NotHeard    string // a voice message could not be had, or was not understood
	Muted       string // to /mute
	Unmuted     string // to /unmute
	Denied      string // to a command that waits for an answer, of somebody who may not use it
	NoReply     string // no reply came in the time that the avatar is given for one that comes later; "" by default
}

// DefaultMessages are the words that the program uses where the configuration has none.
func DefaultMessages() Messages {
	return Messages{
		AINotice:    "You are talking to an AI character.",
		Hello:       "Hello! Write me something, and I will answer.",
		Reset:       "Let's start over. What would you like to talk about?",
		Busy:        "That was a lot at once. Please give me a moment and write again later.",
		Unavailable: "I can't answer just now. Please try again later.",
		TooOld:      "I was away and could not answer in time. Please write again if it still matters.",
		TextOnly:    "I can only read text so far. Please write it to me.",
		NoVoice:     "I can't listen to voice messages so far. Please write to me.",
		NotHeard:    "I could not hear what you said. Please try again, or write to me.",
		Muted:       "I am silent here from now on. /unmute lets me speak again.",
		Unmuted:     "I am listening again.",
		Denied:      "I may not do that for you here.",
	}
}

// Media keeps audio that an avatar gave as bytes, judges URLs that a service named, and lets go of what people said.
type Media interface {
	// Keep stores the audio for a while. It returns it without a Mode, with a Link if there is a public URL.
	Keep(ctx context.Context, a avatar.Audio) (bridges.Audio, error)
	// Vet returns an error for a URL that must be neither fetched nor shown: not https, or not a public address, unless allowPrivate.
	Vet(url string, allowPrivate bool) error
	// Drop deletes what bridges.Media kept under ref, for good: nobody will ask for it again. A ref of another origin, such as a platform's, is left
	// alone.
	Drop(ctx context.Context, ref string) error
}

// Meter counts what the relay does. Bridge and avatar are configured names, "" where there is none.
type Meter interface {
	Count(what Count, bridge, avatar string)
	// Took measures a stage: "ask" is one call of a backend, "send" one call of a bridge, "reply" the time from a message's acceptance to
	// its reply being stored.
	Took(stage, bridge, avatar string, d time.Duration)
}

// Count names something that the relay counts.
type Count string

// What is counted.
const (
	Accepted  Count = "accepted"
	Duplicate Count = "duplicate"
	Refused   Count = "refused" // over a limit or too many waiting
	Expired   Count = "expired" // older than max_age
	Asked     Count = "asked"
	Replied   Count = "replied"
	Posted    Count = "posted"
	Retried   Count = "retried"
	Held      Count = "held"
	Unclear   Count = "unclear"
	Died      Count = "dead"
)
