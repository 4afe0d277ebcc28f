#pragma once

#include "journal/rows.hpp"

#include <string_view>
#include <tuple>

/// The SQL of who may do what: tokens, grants, secrets and subjects; as in statements.hpp.
namespace kheish::journal::sql {

inline constexpr std::string_view kWriteToken =
    "INSERT INTO tokens (name, role, digest, created_us, created_by, rotated_us, expires_us, "
    "revoked_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, rotated_us = excluded.rotated_us, "
    "expires_us = excluded.expires_us, revoked_us = excluded.revoked_us";
inline constexpr std::string_view kTokenColumns =
    "name, role, digest, created_us, created_by, rotated_us, expires_us, revoked_us, number";

template <class AnyTokenRow>
auto token_members(AnyTokenRow& row) {
    return std::tie(
        row.name,
        row.role,
        row.digest,
        row.created_us,
        row.created_by,
        row.rotated_us,
        row.expires_us,
        row.revoked_us);
}
inline auto written(const TokenRow& row) {
    return token_members(row);
}
inline auto read(TokenRow& row) {
    return std::tuple_cat(token_members(row), std::tie(row.number));
}

inline constexpr std::string_view kWriteGrant =
    "INSERT INTO grants (grant_id, run_id, session_id, call_id, approval_id, tool, kind, pattern, "
    "action_sha256, lifetime, expires_us, created_us, created_by, revoked_us, revoked_by, "
    "revoke_reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (grant_id) DO UPDATE SET revoked_us = excluded.revoked_us, "
    "revoked_by = excluded.revoked_by, revoke_reason = excluded.revoke_reason";
inline constexpr std::string_view kGrantColumns =
    "grant_id, run_id, session_id, call_id, approval_id, tool, kind, pattern, action_sha256, "
    "lifetime, expires_us, created_us, created_by, revoked_us, revoked_by, revoke_reason, "
    "(SELECT owner FROM sessions AS s WHERE s.session_id = grants.session_id), "
    "(SELECT workspace FROM sessions AS s WHERE s.session_id = grants.session_id), number";
inline constexpr std::string_view kGrantMayHold =
    "revoked_us IS NULL AND CASE lifetime "
    "WHEN 'run' THEN EXISTS (SELECT 1 FROM runs AS r WHERE r.run_id = grants.run_id AND "
    "r.finished_us IS NULL) "
    "WHEN 'session' THEN EXISTS (SELECT 1 FROM sessions AS s WHERE s.session_id = "
    "grants.session_id AND s.ended_us IS NULL) "
    "ELSE 1 END";

template <class AnyGrantRow>
auto grant_members(AnyGrantRow& row) {
    return std::tie(
        row.grant,
        row.run,
        row.session,
        row.call,
        row.approval,
        row.tool,
        row.kind,
        row.pattern,
        row.action,
        row.lifetime,
        row.expires_us,
        row.created_us,
        row.created_by,
        row.revoked_us,
        row.revoked_by,
        row.revoke_reason);
}
inline auto written(const GrantRow& row) {
    return grant_members(row);
}
inline auto read(GrantRow& row) {
    return std::tuple_cat(grant_members(row), std::tie(row.owner, row.workspace, row.number));
}

inline constexpr std::string_view kWriteSecret =
    "INSERT INTO secrets (name, version, state, value, data_key, master_key, created_us, "
    "updated_us, updated_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (name) DO UPDATE SET version = excluded.version, state = excluded.state, "
    "value = excluded.value, data_key = excluded.data_key, master_key = excluded.master_key, "
    "updated_us = excluded.updated_us, updated_by = excluded.updated_by";
inline constexpr std::string_view kSecretColumns =
    "name, version, state, value, data_key, master_key, created_us, updated_us, updated_by, "
    "number";

template <class AnySecretRow>
auto secret_members(AnySecretRow& row) {
    return std::tie(
        row.name,
        row.version,
        row.state,
        row.value,
        row.data_key,
        row.master_key,
        row.created_us,
        row.updated_us,
        row.updated_by);
}
inline auto written(const SecretRow& row) {
    return secret_members(row);
}
inline auto read(SecretRow& row) {
    return std::tuple_cat(secret_members(row), std::tie(row.number));
}

inline constexpr std::string_view kWriteSubject =
    "INSERT INTO subjects (subject, epoch, revoked, reason, updated_us, updated_by) "
    "VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (subject) DO UPDATE SET epoch = excluded.epoch, revoked = excluded.revoked, "
    "reason = excluded.reason, updated_us = excluded.updated_us, updated_by = excluded.updated_by";
inline constexpr std::string_view kSubjectColumns =
    "subject, epoch, revoked, reason, updated_us, updated_by, number";

template <class AnySubjectRow>
auto subject_members(AnySubjectRow& row) {
    return std::tie(
        row.subject, row.epoch, row.revoked, row.reason, row.updated_us, row.updated_by);
}
inline auto written(const SubjectRow& row) {
    return subject_members(row);
}
inline auto read(SubjectRow& row) {
    return std::tuple_cat(subject_members(row), std::tie(row.number));
}

} // namespace kheish::journal::sql
