-- Schema 5: a session may have permission rules of its own: a blob with their JSON.

ALTER TABLE sessions ADD COLUMN permission_rules_sha256 BLOB CHECK (length(permission_rules_sha256) = 32);
ALTER TABLE sessions ADD COLUMN permission_rules_size INTEGER;
