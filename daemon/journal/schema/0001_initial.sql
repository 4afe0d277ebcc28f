-- The journal on disk, schema 1.
--
-- One SQLite 3 database in WAL mode (files: journal.db, journal.db-wal, journal.db-shm, and
-- journal.db.lock, which names the process that has it open). application_id is 0x6b686569 ("khei"),
-- user_version the number of the last schema file that was applied. Every table is STRICT. All times
-- are microseconds since 1970-01-01 UTC by the wall clock. A digest is the 32 bytes of a SHA-256.
--
-- The record proper is `events`, and `blobs`, the content that they refer to. An event is never
-- changed or removed. Its seq is 1, 2, 3, ... without a gap, in the order of commitment; its body is
-- RFC 8785 JSON, kept byte for byte, whose form `type` and `version` name; `authority` is who acted
-- and for whom ("user:1000", or a chain joined by " for "); `blob_refs` lists the content it refers
-- to as entries of 40 bytes: a digest, then the size in bytes as a big-endian 64-bit number.
--
-- A blob is content under its own digest, stored once. `codec` says how `data` is written: 0 is the
-- content itself. `data` is NULL where the content was pruned; digest and size stay.
--
-- All other tables (`sessions`, `runs`, `tool_calls`, `approvals`, `outputs`) follow from the events
-- and are written in their transaction. A pair x_sha256, x_size refers to a blob, but for
-- spool_sha256, whose data lies outside the journal. `receipts` remember what a request with an
-- idempotency key was answered; `meta` says what belongs to the journal as a whole.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY, -- instance_id: 16 random bytes; created_us: decimal; probe: empty
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    seq        INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL,
    run_id     INTEGER CHECK (run_id > 0), -- NULL for an event of the session itself
    agent_id   TEXT NOT NULL,
    at_us      INTEGER NOT NULL,
    type       TEXT NOT NULL CHECK (type <> ''),
    version    INTEGER NOT NULL CHECK (version > 0),
    authority  TEXT NOT NULL CHECK (authority <> ''),
    body       BLOB NOT NULL,
    blob_refs  BLOB NOT NULL CHECK (length(blob_refs) % 40 = 0)
) STRICT;

CREATE INDEX events_by_session ON events (session_id);
CREATE INDEX events_by_run ON events (run_id) WHERE run_id IS NOT NULL;

-- INSERT OR REPLACE removes a row without asking the DELETE trigger, so it is refused here.
CREATE TRIGGER events_follow_each_other BEFORE INSERT ON events
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM events)
BEGIN
    SELECT RAISE(ABORT, 'an event must get the number after the last one');
END;

CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;

CREATE TRIGGER events_are_never_removed BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;

CREATE TABLE blobs (
    id     INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    size   INTEGER NOT NULL CHECK (size >= 0),
    codec  INTEGER NOT NULL CHECK (codec = 0),
    data   BLOB
) STRICT;

CREATE TRIGGER blobs_are_never_replaced BEFORE INSERT ON blobs
WHEN EXISTS (SELECT 1 FROM blobs WHERE sha256 = NEW.sha256 OR id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'blobs are never replaced');
END;

-- Pruning takes the content away and a later write of the same content brings it back.
CREATE TRIGGER blobs_are_never_changed BEFORE UPDATE ON blobs
WHEN NEW.id IS NOT OLD.id OR NEW.sha256 IS NOT OLD.sha256 OR NEW.size IS NOT OLD.size
    OR (NEW.data IS NOT NULL AND OLD.data IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'blobs are never changed');
END;

CREATE TRIGGER blobs_are_never_removed BEFORE DELETE ON blobs
BEGIN
    SELECT RAISE(ABORT, 'blobs are never removed');
END;

CREATE TABLE sessions (
    number     INTEGER PRIMARY KEY, -- in order of creation
    session_id TEXT NOT NULL UNIQUE,
    owner      TEXT NOT NULL,
    run_as     INTEGER NOT NULL,
    workspace  TEXT NOT NULL,
    thread_id  TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    ended_us   INTEGER,
    end_reason TEXT NOT NULL
) STRICT;

CREATE INDEX sessions_by_owner ON sessions (owner);

CREATE TABLE runs (
    run_id             INTEGER PRIMARY KEY CHECK (run_id > 0),
    session_id         TEXT NOT NULL REFERENCES sessions (session_id),
    owner              TEXT NOT NULL,    -- of the session
    agent_id           TEXT NOT NULL,
    kind               TEXT NOT NULL,
    status             TEXT NOT NULL,
    wait_reason        TEXT NOT NULL,
    wait_since_us      INTEGER NOT NULL,
    queue_position     INTEGER NOT NULL, -- 0 is next, -1 is not in the queue
    submitted_us       INTEGER NOT NULL,
    updated_us         INTEGER NOT NULL,
    started_us         INTEGER,
    finished_us        INTEGER,          -- NULL as long as the run is live
    route              TEXT NOT NULL,
    model              TEXT NOT NULL,
    mode               TEXT NOT NULL,
    source_plugin      TEXT NOT NULL,
    source_kind        TEXT NOT NULL,
    actor_id           TEXT NOT NULL,
    text_preview       TEXT NOT NULL,
    metadata           TEXT NOT NULL,
    input_sha256       BLOB NOT NULL,
    input_size         INTEGER NOT NULL,
    error_code         TEXT NOT NULL,
    error              TEXT NOT NULL,
    turns              INTEGER NOT NULL,
    tokens_input       INTEGER NOT NULL,
    tokens_output      INTEGER NOT NULL,
    tokens_cache_read  INTEGER NOT NULL,
    tokens_cache_write INTEGER NOT NULL,
    attempt            INTEGER NOT NULL,
    unit               TEXT NOT NULL,
    cpu_usage_us       INTEGER NOT NULL,
    memory_peak_bytes  INTEGER,          -- NULL where the kernel does not count it, as below
    tasks_peak         INTEGER,
    io_read_bytes      INTEGER,
    io_write_bytes     INTEGER,
    pending_approvals  INTEGER NOT NULL,
    cancel_requested   INTEGER NOT NULL,
    scope_open         INTEGER NOT NULL, -- its last attempt has not ended, the run may have
    first_seq          INTEGER NOT NULL,
    last_seq           INTEGER NOT NULL
) STRICT;

CREATE INDEX runs_by_session ON runs (session_id);
CREATE INDEX runs_by_owner ON runs (owner);
CREATE INDEX runs_by_status ON runs (status);
-- What a restart reads: its size is the number of runs that live or leave a scope behind.
CREATE INDEX runs_live ON runs (session_id, queue_position)
WHERE (finished_us IS NULL OR scope_open = 1);

CREATE TABLE tool_calls (
    number        INTEGER PRIMARY KEY,
    run_id        INTEGER NOT NULL REFERENCES runs (run_id),
    call_id       TEXT NOT NULL,
    turn          INTEGER NOT NULL,
    tool          TEXT NOT NULL,
    phase         TEXT NOT NULL,
    effect_class  TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    input_sha256  BLOB NOT NULL,
    input_size    INTEGER NOT NULL,
    result_sha256 BLOB,
    result_size   INTEGER,
    executions    INTEGER NOT NULL,
    started_us    INTEGER,
    finished_us   INTEGER,
    exit_code     INTEGER,
    spool_sha256  BLOB,
    spool_size    INTEGER,
    UNIQUE (run_id, call_id)
) STRICT;

CREATE INDEX tool_calls_by_run ON tool_calls (run_id);

CREATE TABLE approvals (
    number            INTEGER PRIMARY KEY,
    approval_id       TEXT NOT NULL UNIQUE,
    run_id            INTEGER NOT NULL REFERENCES runs (run_id),
    session_id        TEXT NOT NULL REFERENCES sessions (session_id),
    call_id           TEXT NOT NULL,
    tool              TEXT NOT NULL,
    digest            BLOB NOT NULL CHECK (length(digest) = 32),
    summary           TEXT NOT NULL,
    reason            TEXT NOT NULL,
    input_sha256      BLOB NOT NULL,
    input_size        INTEGER NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('pending', 'allowed', 'denied', 'void')),
    requested_us      INTEGER NOT NULL,
    resolved_us       INTEGER,
    resolved_by       TEXT NOT NULL,
    resolution_reason TEXT NOT NULL
) STRICT;

CREATE INDEX approvals_by_run ON approvals (run_id);
CREATE INDEX approvals_by_session ON approvals (session_id);
CREATE INDEX approvals_pending ON approvals (session_id) WHERE state = 'pending';

CREATE TABLE outputs (
    run_id         INTEGER NOT NULL REFERENCES runs (run_id),
    output_index   INTEGER NOT NULL CHECK (output_index >= 0),
    session_id     TEXT NOT NULL REFERENCES sessions (session_id),
    source_kind    TEXT NOT NULL,
    content_sha256 BLOB NOT NULL,
    content_size   INTEGER NOT NULL,
    at_us          INTEGER NOT NULL,
    call_id        TEXT NOT NULL,
    PRIMARY KEY (run_id, output_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE receipts (
    scope       TEXT NOT NULL, -- principal and operation
    key_sha256  BLOB NOT NULL CHECK (length(key_sha256) = 32),
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    run_id      INTEGER,
    result      TEXT NOT NULL,
    created_us  INTEGER NOT NULL,
    PRIMARY KEY (scope, key_sha256)
) STRICT, WITHOUT ROWID;
