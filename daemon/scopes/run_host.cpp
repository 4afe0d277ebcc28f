#include "scopes/run_host.hpp"

#include <array>

namespace kheish::scopes {

namespace {

constexpr std::array<std::string_view, 4> kOutcomeWords{"ok", "failed", "timed_out", "cancelled"};

} // namespace

std::string_view to_string(Outcome::Kind kind) {
    return kOutcomeWords[static_cast<std::size_t>(kind)];
}

std::optional<Outcome::Kind> parse_outcome_kind(std::string_view text) {
    for (std::size_t i = 0; i < kOutcomeWords.size(); ++i)
        if (kOutcomeWords[i] == text)
            return static_cast<Outcome::Kind>(i);
    return std::nullopt;
}

} // namespace kheish::scopes
