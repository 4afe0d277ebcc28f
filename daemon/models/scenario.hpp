#pragma once

#include "models/model.hpp"
#include "models/scripted_template.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace kheish::models {

/// What a scripted route plays, turn by turn (kheish-scenario(5)). The file is one JSON object:
///
///     {"version": 1,
///      "turns": [
///        {"text": "I look around.",
///         "tool_calls": [{"name": "ls", "tool": "list_files", "input": {"path": "."}}]},
///        {"errors": [{"kind": "rate_limited", "message": "slow down", "retry_after_ms": 500}],
///         "delay_ms": 200,
///         "text": "It holds:\n{{result 'ls' lines=5}}"}]}
///
/// Every run starts at the first turn. Instead of "turns", "runs" lists several plays
/// ({"when_input_contains": "...", "turns": [...]}); the first that matches the run's input is
/// played, and one without "when_input_contains" matches any.
struct Scenario {
    static constexpr std::size_t kFileLimitBytes = std::size_t{1} << 20U;
    static constexpr std::size_t kTurnLimit = 10'000;
    static constexpr std::size_t kCallLimit = 256;
    static constexpr std::size_t kErrorLimit = 100;
    static constexpr std::size_t kNameLimitBytes = 64;
    static constexpr std::int64_t kDelayLimitMs = 3'600'000;

    /// A tool call. Every string in `input` is a template.
    struct PlannedCall {
        std::string name; ///< unique within its play; results are quoted by it
        std::string tool;
        codec::Json input;
    };
    struct PlannedError {
        CallError error;
        std::chrono::milliseconds delay{0};
    };
    struct Turn {
        std::vector<PlannedError> errors; ///< of the first attempts, one each
        std::chrono::milliseconds delay{0};
        bool errors_only = false; ///< no answer: the last error answers all later attempts
        ScriptedTemplate text;
        std::vector<PlannedCall> calls;
        Response::StopReason stop_reason = Response::StopReason::end_turn;
        std::int64_t chunk_chars = 0; ///< 0 streams the text in one piece
        std::chrono::milliseconds chunk_delay{0};
        std::optional<Usage> usage; ///< absent: a token for every 4 bytes begun
    };
    struct Play {
        std::string when_input_contains;
        std::vector<Turn> turns;
    };

    std::vector<Play> plays;

    /// Errc::invalid_configuration that names the member and what is wrong with it.
    static Result<Scenario> parse(std::string_view json);
    /// parse() of a file, with its path in the error.
    static Result<Scenario> load(const std::string& path);
};

} // namespace kheish::models
