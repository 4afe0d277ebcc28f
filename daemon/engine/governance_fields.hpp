#pragma once

#include "engine/event.hpp"

/// The members of the event bodies about who may do what, grants included; as in event_fields.hpp.
/// Private to event_codec.cpp.
namespace kheish::engine::detail {

template <class Archive>
void fields(Archive& archive, GrantCreated& event) {
    archive("grant", event.grant);
    archive("approval", event.approval);
    archive("call", event.call);
    archive("tool", event.tool);
    archive("kind", event.kind);
    archive("pattern", event.pattern);
    archive("action", event.action);
    archive("lifetime", event.lifetime);
    archive("expires_us", event.expires_us);
}

template <class Archive>
void fields(Archive& archive, GrantRevoked& event) {
    archive("grant", event.grant);
    archive("reason", event.reason);
}

template <class Archive>
void fields(Archive& archive, TokenCreated& event) {
    archive("name", event.name);
    archive("role", event.role);
    archive("digest", event.digest);
    archive("expires_us", event.expires_us);
}

template <class Archive>
void fields(Archive& archive, TokenRotated& event) {
    archive("name", event.name);
    archive("digest", event.digest);
    archive("expires_us", event.expires_us);
}

template <class Archive>
void fields(Archive& archive, TokenRevoked& event) {
    archive("name", event.name);
    archive("reason", event.reason);
}

template <class Archive>
void fields(Archive& archive, SecretStored& event) {
    archive("name", event.name);
    archive("version", event.version);
    archive("source", event.source);
}

template <class Archive>
void fields(Archive& archive, SecretRevoked& event) {
    archive("name", event.name);
    archive("reason", event.reason);
}

template <class Archive>
void fields(Archive& archive, SecretDeleted& event) {
    archive("name", event.name);
    archive("reason", event.reason);
}

template <class Archive>
void fields(Archive& archive, MasterKeyRotated& event) {
    archive("from", event.from);
    archive("to", event.to);
    archive("secrets", event.secrets);
}

template <class Archive>
void fields(Archive& archive, SubjectRevoked& event) {
    archive("subject", event.subject);
    archive("reason", event.reason);
}

template <class Archive>
void fields(Archive& archive, SubjectRestored& event) {
    archive("subject", event.subject);
    archive("reason", event.reason);
}

template <class Archive>
void fields(Archive& archive, LeaseRevoked& event) {
    archive("lease", event.lease);
    archive("reason", event.reason);
}

template <class Archive>
void fields(Archive& archive, DaemonStarted& event) {
    archive("version", event.version);
    archive("boot_id", event.boot_id);
    archive("configuration", event.configuration);
}

template <class Archive>
void fields(Archive& archive, AuthenticationFailed& event) {
    archive("reason", event.reason);
    archive("peer", event.peer);
    archive("method", event.method);
    archive("path", event.path);
    archive("limited", event.limited);
}

} // namespace kheish::engine::detail
