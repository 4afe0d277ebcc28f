#include "models/model.hpp"

#include <array>
#include <utility>

namespace kheish::models {

namespace {

template <class Enum, std::size_t Size>
using Words = std::array<std::pair<Enum, std::string_view>, Size>;

constexpr Words<CallError::Kind, 10> kKinds{{
    {CallError::Kind::network, "network"},
    {CallError::Kind::timeout, "timeout"},
    {CallError::Kind::rate_limited, "rate_limited"},
    {CallError::Kind::overloaded, "overloaded"},
    {CallError::Kind::server, "server"},
    {CallError::Kind::protocol, "protocol"},
    {CallError::Kind::authentication, "authentication"},
    {CallError::Kind::context_overflow, "context_overflow"},
    {CallError::Kind::invalid_request, "invalid_request"},
    {CallError::Kind::unrecorded, "unrecorded"},
}};

constexpr Words<Response::StopReason, 4> kStopReasons{{
    {Response::StopReason::end_turn, "end_turn"},
    {Response::StopReason::tool_use, "tool_use"},
    {Response::StopReason::max_tokens, "max_tokens"},
    {Response::StopReason::refusal, "refusal"},
}};

template <class Enum, std::size_t Size>
std::string_view word_of(const Words<Enum, Size>& words, Enum value) {
    return words.at(static_cast<std::size_t>(value)).second;
}

template <class Enum, std::size_t Size>
std::optional<Enum> value_of(const Words<Enum, Size>& words, std::string_view text) {
    for (const auto& [value, word] : words) {
        if (word == text)
            return value;
    }
    return std::nullopt;
}

} // namespace

bool CallError::is_retryable() const {
    switch (kind) {
    case Kind::network:
    case Kind::timeout:
    case Kind::rate_limited:
    case Kind::overloaded:
    case Kind::server:
    case Kind::protocol:
    case Kind::unrecorded:
    case Kind::authentication: // with another credential
        return true;
    case Kind::context_overflow:
    case Kind::invalid_request:
        break;
    }
    return false;
}

std::string_view to_string(CallError::Kind kind) {
    return word_of(kKinds, kind);
}

std::optional<CallError::Kind> parse_call_error_kind(std::string_view text) {
    return value_of(kKinds, text);
}

std::string_view to_string(Response::StopReason reason) {
    return word_of(kStopReasons, reason);
}

std::optional<Response::StopReason> parse_stop_reason(std::string_view text) {
    return value_of(kStopReasons, text);
}

} // namespace kheish::models
