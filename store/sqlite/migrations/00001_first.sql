-- +goose Up
-- Times are microseconds since 1970. Accounts and avatars are numbers of the table name. state: 0 waits (or is claimed), 1 is over, 2 is a dead letter.

CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE cursor (account INTEGER PRIMARY KEY, position TEXT NOT NULL, moved INTEGER NOT NULL) STRICT;

CREATE TABLE person (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	uid        TEXT NOT NULL UNIQUE,
	name       TEXT NOT NULL,
	first_seen INTEGER NOT NULL,
	last_seen  INTEGER NOT NULL
) STRICT;

CREATE TABLE identity (
	platform TEXT NOT NULL,
	tenant   TEXT NOT NULL,
	user     TEXT NOT NULL,
	person   INTEGER NOT NULL,
	PRIMARY KEY (platform, tenant, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_person ON identity (person);

-- Who shares one memory uid. person is 0 for what is shared; a person's own uid is not here.
CREATE TABLE memory (
	id      INTEGER PRIMARY KEY,
	account INTEGER NOT NULL,
	channel TEXT NOT NULL,
	thread  TEXT NOT NULL,
	kind    TEXT NOT NULL,
	person  INTEGER NOT NULL,
	uid     TEXT NOT NULL,
	UNIQUE (account, channel, kind, thread, person)
) STRICT;

-- person is 0 where all who speak there share the conversation. live = 0: another one has its address since a move; its lanes drain.
CREATE TABLE conversation (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	uid        TEXT NOT NULL,
	generation INTEGER NOT NULL,
	account    INTEGER NOT NULL,
	avatar     INTEGER NOT NULL,
	channel    TEXT NOT NULL,
	thread     TEXT NOT NULL,
	memory     TEXT NOT NULL,
	person     INTEGER NOT NULL,
	direct     INTEGER NOT NULL,
	memory_uid TEXT NOT NULL,
	prefaced   INTEGER NOT NULL DEFAULT 0,
	live       INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE UNIQUE INDEX conversation_address ON conversation (account, channel, thread, avatar, memory, person) WHERE live = 1;
CREATE INDEX conversation_drains ON conversation (account, channel) WHERE live = 0;
CREATE INDEX conversation_person ON conversation (person) WHERE person > 0;

-- A turn and the key of its event; entries that are no turns have a row of their own, over from the start, for the key alone.
-- The indexes hold what waits only. A head that is claimed, and a turn with a predecessor, have no due. handed: it may have been asked.
-- tried: when it was first given back after an attempt, 0: never. revived: an operator has put it back.
CREATE TABLE turn (
	row          INTEGER PRIMARY KEY,
	account      INTEGER NOT NULL,
	key          TEXT,
	id           TEXT NOT NULL DEFAULT '',
	avatar       INTEGER NOT NULL DEFAULT 0,
	conversation INTEGER NOT NULL DEFAULT 0,
	person       INTEGER NOT NULL DEFAULT 0,
	state        INTEGER NOT NULL,
	pos          INTEGER NOT NULL DEFAULT 0,
	handed       INTEGER NOT NULL DEFAULT 0,
	due          INTEGER,
	attempts     INTEGER NOT NULL DEFAULT 0,
	tried        INTEGER NOT NULL DEFAULT 0,
	revived      INTEGER NOT NULL DEFAULT 0,
	accepted     INTEGER NOT NULL,
	body         BLOB
) STRICT;
CREATE UNIQUE INDEX turn_key ON turn (account, key) WHERE key IS NOT NULL;
CREATE INDEX turn_lane ON turn (conversation, pos, account, accepted) WHERE state = 0;
CREATE INDEX turn_due ON turn (account, avatar, due, pos) WHERE due IS NOT NULL;

-- reply is the id of the first post of the same reply. turn (0: none) or turn_id names what is answered.
CREATE TABLE post (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	account      INTEGER NOT NULL,
	conversation INTEGER NOT NULL,
	person       INTEGER NOT NULL,
	turn         INTEGER NOT NULL,
	turn_id      TEXT,
	reply        INTEGER NOT NULL,
	state        INTEGER NOT NULL DEFAULT 0,
	pos          INTEGER NOT NULL,
	sending      INTEGER NOT NULL,
	unclear      INTEGER NOT NULL DEFAULT 0,
	due          INTEGER,
	attempts     INTEGER NOT NULL DEFAULT 0,
	tried        INTEGER NOT NULL DEFAULT 0,
	created      INTEGER NOT NULL,
	sent_id      TEXT,
	body         BLOB
) STRICT;
CREATE INDEX post_lane ON post (conversation, pos, account, created) WHERE state = 0;
CREATE INDEX post_due ON post (account, due, pos) WHERE due IS NOT NULL;

-- Dead letters. post = 1: row is a post's id, else a turn's row, which keeps the body.
CREATE TABLE dead (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	post         INTEGER NOT NULL,
	row          INTEGER NOT NULL,
	conversation INTEGER NOT NULL,
	unclear      INTEGER NOT NULL,
	reason       TEXT NOT NULL,
	at           INTEGER NOT NULL
) STRICT;
CREATE INDEX dead_conversation ON dead (conversation);

CREATE TABLE reply (
	id           INTEGER PRIMARY KEY,
	conversation INTEGER NOT NULL,
	key          TEXT NOT NULL,
	at           INTEGER NOT NULL,
	UNIQUE (conversation, key)
) STRICT;

-- What was said, for avatars that remember nothing themselves. Only the conversation's current generation is kept.
CREATE TABLE memo (
	id           INTEGER PRIMARY KEY,
	conversation INTEGER NOT NULL,
	person       INTEGER NOT NULL,
	at           INTEGER NOT NULL,
	body         BLOB NOT NULL
) STRICT;
CREATE INDEX memo_conversation ON memo (conversation);
CREATE INDEX memo_person ON memo (person);

-- Turns of forgotten people in conversations that go on, by a keyed hash of their ids: late replies to them are refused. They go with the
-- conversation's generation, as such replies do. An index of all turns by their ids would cost a quarter of the hot path.
CREATE TABLE forgotten (
	conversation INTEGER NOT NULL,
	turn         TEXT NOT NULL,
	PRIMARY KEY (conversation, turn)
) STRICT, WITHOUT ROWID;

CREATE TABLE counter (
	id     INTEGER PRIMARY KEY,
	key    TEXT NOT NULL,
	every  INTEGER NOT NULL,
	opened INTEGER NOT NULL,
	n      INTEGER NOT NULL,
	UNIQUE (key, every)
) STRICT;

CREATE TABLE notice (
	id    INTEGER PRIMARY KEY,
	key   TEXT NOT NULL UNIQUE,
	said  INTEGER NOT NULL,
	every INTEGER NOT NULL
) STRICT;

-- Accounts are kept by text here: a hold may name what has no number yet. until = 0: until it is released.
CREATE TABLE hold (
	account      TEXT NOT NULL,
	channel      TEXT NOT NULL,
	conversation INTEGER NOT NULL,
	avatar       TEXT NOT NULL,
	pause        INTEGER NOT NULL,
	until        INTEGER NOT NULL,
	reason       TEXT NOT NULL,
	PRIMARY KEY (account, channel, conversation, avatar, pause)
) STRICT, WITHOUT ROWID;

CREATE TABLE moved (
	account INTEGER NOT NULL,
	old     TEXT NOT NULL,
	new     TEXT NOT NULL,
	PRIMARY KEY (account, old)
) STRICT, WITHOUT ROWID;
