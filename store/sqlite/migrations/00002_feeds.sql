-- +goose Up
-- draft: what is shown of the reply as far as it is written. unsaid: its message was taken back, and what is said to it is not posted. said: the
-- id of the first post that Finish appended; the others follow it without a gap, and those with a negative turn stand apart: they answer
-- nothing. An index of posts by their turns would cost a tenth of the hot path.
ALTER TABLE turn ADD COLUMN draft TEXT;
ALTER TABLE turn ADD COLUMN unsaid INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turn ADD COLUMN said INTEGER;
CREATE INDEX turn_unsaid ON turn (conversation, id) WHERE unsaid = 1;

-- Posts that Finish does not append for the first time are found by the turn's id.
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
