-- Schema 3: every page of the database carries a checksum.
--
-- The last 8 bytes of each page of 4096 bytes, which SQLite reserves for us (byte 20 of the file),
-- are the XXH3-64 of the rest with the page's number as seed, little-endian. Any SQLite reads the
-- database; one that writes to it without these checksums damages it. A database of an older schema
-- is rewritten as a whole before this step.
--
-- The times of a session are those of its events; they were taken twice before.

UPDATE sessions SET
    created_us = coalesce((SELECT at_us FROM events WHERE session_id = sessions.session_id
        AND type = 'session.created'), created_us),
    ended_us = coalesce((SELECT at_us FROM events WHERE session_id = sessions.session_id
        AND type = 'session.ended'), ended_us);
