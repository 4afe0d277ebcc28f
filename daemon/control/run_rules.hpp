#pragma once

#include "base/result.hpp"
#include "control/settings.hpp"
#include "engine/state.hpp"
#include "govern/grant.hpp"
#include "govern/permission.hpp"
#include "journal/journal.hpp"
#include "scopes/run_host.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Which permission rules hold: those of the session, of the project, of kheish.toml(5).
namespace kheish::control {

/// The texts of a session's own rules and of a project's file, where there are any.
struct OwnRules {
    std::optional<std::string> session;
    std::optional<std::string> project;
};

/// All rules that hold with these. An error: one of the texts is wrong.
Result<std::vector<govern::Rule>> rules_in_force(const Settings& settings, const OwnRules& own);

/// The rules that were pinned for one run, read when its first call is judged and kept: they do not
/// change from then on.
class RunRules {
  public:
    /// Judges a call of the run, for which `grants` hold. A rule that cannot be read denies, and is
    /// looked for again.
    govern::Judgement judge(
        const engine::RunState& state,
        const Settings& settings,
        const journal::Journal& journal,
        const govern::Subject& subject,
        std::span<const govern::Grant* const> grants);

  private:
    std::optional<std::vector<govern::Rule>> rules_; ///< where the run has any of its own
};

/// What a runner found, as the record of a run that wants to know has it; its text goes to `blobs`.
/// A file that is there and makes no sense is an error of the run.
std::optional<engine::ProjectPermissions> project_of(
    const engine::RunState& state,
    const scopes::ProjectPermissions& found,
    std::vector<std::string>& blobs);

} // namespace kheish::control
