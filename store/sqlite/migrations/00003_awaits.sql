-- +goose Up
-- awaits: the turn was asked, and a reply to it is to come; until due it keeps its place at the head of its lane. renewed: it was put back once to be
-- asked anew, for its conversation's generation had ended.
ALTER TABLE turn ADD COLUMN awaits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turn ADD COLUMN renewed INTEGER NOT NULL DEFAULT 0;
