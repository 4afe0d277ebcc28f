#pragma once

#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "launcher/context.hpp"
#include "launcher/stop.hpp"

#include <map>
#include <memory>
#include <set>
#include <vector>

namespace kheish::launcher {

/// The scopes of `found` that `request` does not name as live, or that another journal made.
std::vector<sandbox::Attempt>
sweep_victims(const sandbox::SweepRequest& request, const std::vector<sandbox::ListEntry>& found);

/// The runs of `slices` that `request` does not name, where it names all that live, and that have
/// no scope in `found`: a run that died between its last scope and its slice.
std::vector<RunId> slice_victims(
    const sandbox::SweepRequest& request,
    const std::vector<sandbox::ListEntry>& found,
    const std::vector<RunId>& slices);

/// One SweepRequest: asks the manager for the scopes and stops those that nobody answers for, all
/// at once; a run that has no scope left afterwards loses its slice and socket too, as does one
/// that had none before and is not named.
class Sweep {
  public:
    using Done = UniqueFunction<void(Result<sandbox::SweptReply>)>;
    /// Whether the attempt is being started: it carries a launch request.
    using Starting = UniqueFunction<bool(const sandbox::Attempt&)>;
    /// Whether no attempt of the run lives or is being started.
    using Alone = UniqueFunction<bool(RunId)>;

    Sweep(
        Context& context, sandbox::SweepRequest request, Starting starting, Alone alone, Done done);
    Sweep(const Sweep&) = delete;
    Sweep& operator=(const Sweep&) = delete;
    ~Sweep() = default;

    /// `done` is called once, from the loop, and may destroy the Sweep.
    void begin();

  private:
    void on_list(Result<std::vector<sandbox::ListEntry>> found);
    void stop(const sandbox::Attempt& attempt);
    void release(RunId run);
    void on_stopped(const sandbox::Attempt& attempt, Result<sandbox::StoppedReply> stopped);

    Context& context_;
    sandbox::SweepRequest request_;
    Starting starting_;
    Alone alone_;
    Done done_;
    std::map<sandbox::Attempt, std::unique_ptr<Stop>> stops_;
    std::set<sandbox::Attempt> pending_;
    std::set<RunId> released_;
    sandbox::SweptReply reply_;
    std::optional<Error> first_error_;
    std::shared_ptr<Sweep*> self_; ///< as in Start
};

} // namespace kheish::launcher
