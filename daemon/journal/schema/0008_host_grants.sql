-- Schema 8: a grant may be about the hosts that calls go to. A CHECK cannot be changed in place, so
-- the table is made anew with what is in it.

CREATE TABLE grants_8 (
    number        INTEGER PRIMARY KEY, -- in order of creation
    grant_id      TEXT NOT NULL UNIQUE CHECK (grant_id <> ''),
    run_id        INTEGER NOT NULL REFERENCES runs (run_id),
    session_id    TEXT NOT NULL REFERENCES sessions (session_id),
    call_id       TEXT NOT NULL,
    approval_id   TEXT NOT NULL,
    tool          TEXT NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('exact', 'command', 'path', 'host')),
    pattern       TEXT NOT NULL,
    action_sha256 BLOB CHECK (length(action_sha256) = 32),
    lifetime      TEXT NOT NULL CHECK (lifetime IN ('run', 'session', 'days')),
    expires_us    INTEGER,
    created_us    INTEGER NOT NULL,
    created_by    TEXT NOT NULL,
    revoked_us    INTEGER,
    revoked_by    TEXT NOT NULL,
    revoke_reason TEXT NOT NULL
) STRICT;

INSERT INTO grants_8 SELECT * FROM grants;
DROP TABLE grants;
ALTER TABLE grants_8 RENAME TO grants;

CREATE INDEX grants_unrevoked ON grants (number) WHERE revoked_us IS NULL;
