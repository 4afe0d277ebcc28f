#include "engine/folding.hpp"
#include "engine/verdict.hpp"

#include <algorithm>

namespace kheish::engine::detail {

namespace {

using Entries = std::vector<TranscriptEntry>;

std::int64_t size_of(const TranscriptEntry& entry) {
    return entry.content.size_bytes + (entry.updated_input ? entry.updated_input->size_bytes : 0);
}

bool has_overflowed(const ModelState& model) {
    return model.phase == ModelState::Phase::failed &&
           model.last_failure.error_kind == "context_overflow";
}

/// What a trim has to come down to; nothing where there is no reason for one.
std::optional<std::int64_t> wanted_bytes(const RunState& state) {
    const std::int64_t limit = state.request.context_limit_bytes.value_or(kContextLimitBytes);
    const std::int64_t bytes = state.context.bytes;
    // Any other failure is waited out first.
    if (state.model.phase == ModelState::Phase::failed && !has_overflowed(state.model))
        return std::nullopt;
    // Well below the limit, so that the prompts of the next turns begin alike: providers cache
    // them.
    if (has_overflowed(state.model))
        return std::min(bytes, limit) / 2;
    return bytes > limit ? std::optional(limit / 2) : std::nullopt;
}

void note_effect(ContextState& context, TranscriptEntry& entry) {
    context.bytes -= size_of(entry);
    if (!entry.effect)
        return;
    if (context.earlier_calls.size() == kMaxEarlierCalls)
        context.earlier_calls.erase(context.earlier_calls.begin());
    context.earlier_calls.push_back(*std::move(entry.effect));
}

} // namespace

void append(RunState& state, TranscriptEntry entry) {
    state.context.bytes += size_of(entry);
    state.transcript.push_back(std::move(entry));
}

std::optional<int> trimmed_first_turn(const RunState& state) {
    const std::optional<std::int64_t> wanted = wanted_bytes(state);
    if (!wanted || state.transcript.size() < 2)
        return std::nullopt;
    const int last_turn = state.transcript.back().turn;
    int first_turn = state.context.first_turn;
    std::int64_t bytes = state.context.bytes;
    // The first entry is the input, which stays; so does the last turn, which is to be answered.
    for (auto entry = state.transcript.begin() + 1; entry->turn != last_turn; ++entry) {
        if (bytes <= *wanted)
            break;
        bytes -= size_of(*entry);
        first_turn = entry->turn + 1;
    }
    return first_turn > state.context.first_turn ? std::optional(first_turn) : std::nullopt;
}

Status on(RunState& state, const ContextTrimmed& event) {
    ModelState& model = state.model;
    if (state.status != RunStatus::running || is_ending(state))
        return illegal("only the conversation of a run that goes on is trimmed");
    if (model.phase != ModelState::Phase::idle && !has_overflowed(model))
        return illegal("an attempt is under way or waits");
    if (!is_batch_closed(state))
        return illegal("a call of the last turn is not finished");
    Entries& entries = state.transcript;
    if (event.first_turn <= state.context.first_turn || event.first_turn > entries.back().turn)
        return illegal(
            "turn " + std::to_string(event.first_turn) + " cannot be the first to be shown");
    const auto first = entries.begin() + 1;
    const auto kept = std::find_if(first, entries.end(), [&event](const TranscriptEntry& entry) {
        return entry.turn >= event.first_turn;
    });
    for (auto entry = first; entry != kept; ++entry)
        note_effect(state.context, *entry);
    entries.erase(first, kept);
    state.context.first_turn = event.first_turn;
    model.phase = ModelState::Phase::idle;
    return {};
}

} // namespace kheish::engine::detail
