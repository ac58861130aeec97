-- +goose Up
-- draft: what is shown of the reply as far as it is written. unsaid: its message was taken back, and what is said to it is not posted.
ALTER TABLE turn ADD COLUMN draft TEXT;
ALTER TABLE turn ADD COLUMN unsaid INTEGER NOT NULL DEFAULT 0;
CREATE INDEX turn_unsaid ON turn (conversation, id) WHERE unsaid = 1;

-- What was posted in answer to a turn is looked for when the turn is unsaid.
CREATE INDEX post_turn ON post (turn) WHERE turn > 0;
CREATE INDEX post_turn_id ON post (turn_id) WHERE turn_id IS NOT NULL;

-- turn: 0 for memos from before.
ALTER TABLE memo ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;

-- What a page shows of a conversation. person and turn_id are as in the table post; of what a person wrote, turn_id is NULL.
CREATE TABLE feed (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	conversation INTEGER NOT NULL,
	person       INTEGER NOT NULL,
	turn_id      TEXT,
	at           INTEGER NOT NULL,
	body         BLOB NOT NULL
) STRICT;
CREATE INDEX feed_conversation ON feed (conversation);
