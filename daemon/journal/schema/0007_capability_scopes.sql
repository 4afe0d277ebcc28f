-- Schema 7: what the runs of a session are shown at most, as JSON; empty: whatever there is.

ALTER TABLE sessions ADD COLUMN capability_scope TEXT NOT NULL DEFAULT '';
