#include "control/conversions.hpp"

#include <array>

namespace kheish::control {

engine::PermissionMode to_engine(govern::Mode mode) {
    switch (mode) {
    case govern::Mode::standard:
        return engine::PermissionMode::standard;
    case govern::Mode::accept_edits:
        return engine::PermissionMode::accept_edits;
    case govern::Mode::plan:
        return engine::PermissionMode::plan;
    case govern::Mode::dont_ask:
        return engine::PermissionMode::dont_ask;
    case govern::Mode::bypass_permissions:
        return engine::PermissionMode::bypass_permissions;
    }
    return engine::PermissionMode::dont_ask;
}

govern::Mode to_govern(engine::PermissionMode mode) {
    switch (mode) {
    case engine::PermissionMode::standard:
        return govern::Mode::standard;
    case engine::PermissionMode::accept_edits:
        return govern::Mode::accept_edits;
    case engine::PermissionMode::plan:
        return govern::Mode::plan;
    case engine::PermissionMode::dont_ask:
        return govern::Mode::dont_ask;
    case engine::PermissionMode::bypass_permissions:
        return govern::Mode::bypass_permissions;
    }
    return govern::Mode::dont_ask;
}

engine::Decision to_engine(govern::Behavior behavior) {
    switch (behavior) {
    case govern::Behavior::allow:
        return engine::Decision::allow;
    case govern::Behavior::ask:
        return engine::Decision::ask;
    case govern::Behavior::deny:
        return engine::Decision::deny;
    }
    return engine::Decision::deny;
}

engine::TokenUsage to_engine(const models::Usage& usage) {
    return {
        .input = usage.input_tokens,
        .output = usage.output_tokens,
        .cache_read = usage.cache_read_tokens,
        .cache_write = usage.cache_write_tokens};
}

engine::ScopeUsage to_engine(const scopes::Accounting& accounting) {
    return {
        .cpu_usage_us = accounting.cpu_usage_us,
        .memory_peak_bytes = accounting.memory_peak_bytes.value_or(-1),
        .tasks_peak = accounting.tasks_peak.value_or(-1),
        .io_read_bytes = accounting.io_read_bytes.value_or(-1),
        .io_write_bytes = accounting.io_write_bytes.value_or(-1)};
}

std::string_view to_string(EffectClass effect_class) {
    constexpr std::array<std::string_view, 4> kWords{
        "pure", "keyed", "reconcilable", "at_most_once"};
    return kWords[static_cast<std::size_t>(effect_class)];
}

Result<engine::Event> to_event(const journal::StoredEvent& stored) {
    engine::Event event;
    event.seq = stored.seq;
    event.session = stored.event.session;
    event.run = stored.event.run.value_or(RunId{});
    event.agent = stored.event.agent;
    event.at_us = stored.event.at_us;
    const std::string where = "event " + std::to_string(stored.seq);
    Result<Authority> authority = Authority::parse(stored.event.authority);
    if (!authority)
        return fail(Errc::journal_corrupt, where + ": " + authority.error().message);
    event.authority = std::move(*authority);
    Result<engine::EventBody> body =
        engine::decode(stored.event.type, stored.event.version, stored.event.body);
    if (!body)
        return fail(std::move(body).error().wrap(where));
    event.body = std::move(*body);
    return event;
}

journal::NewEvent to_new_event(const engine::Event& event) {
    engine::EncodedBody encoded = engine::encode(event.body);
    journal::NewEvent stored;
    stored.session = event.session;
    if (event.run)
        stored.run = event.run;
    stored.agent = event.agent;
    stored.at_us = event.at_us;
    stored.type = std::move(encoded.type);
    stored.version = encoded.version;
    stored.authority = event.authority.to_string();
    stored.body = std::move(encoded.body);
    stored.blob_refs = std::move(encoded.blob_refs);
    return stored;
}

} // namespace kheish::control
