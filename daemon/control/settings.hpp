#pragma once

#include "engine/state.hpp"
#include "govern/permission.hpp"
#include "scopes/run_host.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace kheish::control {

/// What the control plane is told at start; defaults are those of kheish.toml(5).
struct Settings {
    govern::Mode permission_mode = govern::Mode::standard;
    std::vector<govern::Rule> permission_rules;
    std::int64_t max_turns = 500; ///< 0 is no ceiling
    std::int64_t max_output_tokens = 8192;
    /// What of a run's conversation, its input apart, its model is shown.
    std::int64_t context_limit_bytes = engine::kContextLimitBytes;
    std::size_t queued_runs_per_session = 100;
    std::size_t live_runs = 10'000; ///< neither queued nor over; more wait in line
    /// A run without progress for so long, though nothing holds it back, is reported as stuck.
    std::chrono::microseconds stuck_after = std::chrono::minutes(30);
    /// What nobody has decided by then is denied; 0 is never.
    std::chrono::microseconds approvals_expire_after{0};
    /// Those who may decide, or say what came of a call, are told again after so long; 0 is never.
    std::chrono::microseconds approvals_remind_after{0};
    /// After so long these may decide too, and are told; 0 is never.
    std::chrono::microseconds approvals_escalate_after{0};
    std::vector<Principal> approvals_escalate_to;
    std::size_t input_limit_bytes = std::size_t{1} << 20U;
    std::chrono::milliseconds tool_timeout_max{180'000};
    std::int64_t tool_output_limit_bytes = std::int64_t{16} << 20;
    std::string sandbox_profile = "default";
    scopes::Limits limits;
    /// Who works for callers that have no uid of their own to work under: root, system users,
    /// tokens.
    uid_t agent_uid = 0;
    uid_t first_user_uid = 1000;
    uid_t last_user_uid = 60000;
    /// Where a session without a workspace of the caller's gets one of its own.
    std::string workspaces_directory = "/var/lib/kheish-workspaces";
    std::string version = KHEISH_VERSION;
};

} // namespace kheish::control
