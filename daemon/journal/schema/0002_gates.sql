-- Schema 2: what a run waits for from a person has a kind and may expire.
--
-- `approvals` holds every gate: calls that wait for permission (approval), calls that may have
-- happened (outcome_unknown), and questions to a person (question). A question that was answered is
-- 'allowed', one that was declined 'denied', one that nobody can answer any more 'void'. expires_us
-- is NULL for what waits for ever.

ALTER TABLE approvals ADD COLUMN kind TEXT NOT NULL DEFAULT 'approval'
    CHECK (kind IN ('approval', 'outcome_unknown', 'question'));
ALTER TABLE approvals ADD COLUMN expires_us INTEGER;

UPDATE approvals SET kind = 'outcome_unknown' WHERE approval_id LIKE 'outcome-%';
