#pragma once

#include "codec/json.hpp"
#include "control/views.hpp"
#include "engine/state.hpp"

#include <string>

namespace kheish::control {

inline constexpr std::size_t kExplainedBytes = 400; ///< of each foreign text, before escaping
inline constexpr std::size_t kExplainedItems = 5;   ///< of gates or calls; the others are counted

/// What a run stands in, beside its row.
struct Surroundings {
    const engine::RunState* state = nullptr; ///< as committed; null where it is not at hand
    RunId active_run;                        ///< of its session; 0 where there is none
    bool writable = true;                    ///< whether the journal takes new work
};

/// For people: what the run waits for, and what or who ends that. Safe to show on a terminal: what
/// comes from a model, a tool or a provider is escaped and cut to kExplainedBytes.
///
/// An object with `text` and `ended_by`, sentences without a full stop, and `until_ms`, wall time,
/// where the wait ends by itself at a known time.
codec::Json
explain(const journal::RunRow& row, const RunDetails& details, const Surroundings& surroundings);

} // namespace kheish::control
