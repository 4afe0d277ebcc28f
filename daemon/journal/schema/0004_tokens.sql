-- Schema 4: who calls over HTTP.
--
-- Events may belong to no session: their session_id and agent_id are empty then. `tokens` follows from
-- those of the type token.*; a name stays in it for ever, and `digest` is all there is of the secret.

CREATE TABLE tokens (
    number     INTEGER PRIMARY KEY, -- in order of creation
    name       TEXT NOT NULL UNIQUE CHECK (name <> ''),
    role       TEXT NOT NULL CHECK (role IN ('reader', 'operator', 'admin')),
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    created_us INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    rotated_us INTEGER,
    expires_us INTEGER,
    revoked_us INTEGER
) STRICT;
