-- Schema 6: what people have allowed beforehand, when they released a gate; whom gates that nobody
-- decided about have been escalated to; what a session may prove itself with; who may not any more; and secrets.
--
-- `grants` follows from the events grant.created and grant.revoked. Whether one holds still is the
-- matter of its run, its session and the clock too.

CREATE TABLE grants (
    number        INTEGER PRIMARY KEY, -- in order of creation
    grant_id      TEXT NOT NULL UNIQUE CHECK (grant_id <> ''),
    run_id        INTEGER NOT NULL REFERENCES runs (run_id),
    session_id    TEXT NOT NULL REFERENCES sessions (session_id),
    call_id       TEXT NOT NULL,
    approval_id   TEXT NOT NULL,
    tool          TEXT NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('exact', 'command', 'path')),
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

CREATE INDEX grants_unrevoked ON grants (number) WHERE revoked_us IS NULL;

-- Whom a gate has been escalated to, beside the owner of its session: principals, a space between.

ALTER TABLE approvals ADD COLUMN escalated_to TEXT NOT NULL DEFAULT '';

-- Secrets are sealed, each under a key of its own, which lies beside it under the master key. Which
-- there are follows from the events secret.*; what is sealed is here alone. A name stays for
-- ever; value, data_key and master_key are empty where there is nothing any more.

CREATE TABLE secrets (
    number     INTEGER PRIMARY KEY, -- in order of creation
    name       TEXT NOT NULL UNIQUE CHECK (name <> ''),
    version    INTEGER NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('stored', 'revoked', 'deleted')),
    value      TEXT NOT NULL,
    data_key   TEXT NOT NULL,
    master_key TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    updated_by TEXT NOT NULL
) STRICT;

-- What the runs of a session may prove themselves with at most, as JSON; empty: whatever there is.

ALTER TABLE sessions ADD COLUMN credential_scope TEXT NOT NULL DEFAULT '';

-- Sessions and agents that were ever kept from proving themselves: the events subject.*.

CREATE TABLE subjects (
    number     INTEGER PRIMARY KEY, -- in order of the first revocation
    subject    TEXT NOT NULL UNIQUE CHECK (subject <> ''),
    epoch      INTEGER NOT NULL,
    revoked    INTEGER NOT NULL CHECK (revoked IN (0, 1)),
    reason     TEXT NOT NULL,
    updated_us INTEGER NOT NULL,
    updated_by TEXT NOT NULL
) STRICT;
