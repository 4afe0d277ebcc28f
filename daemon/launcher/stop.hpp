#pragma once

#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "launcher/context.hpp"
#include "launcher/drain.hpp"

#include <memory>

namespace kheish::launcher {

/// One StopRequest: kill, wait until the cgroup is empty, then (with `release`) stop the slice.
class Stop {
  public:
    using Done = UniqueFunction<void(Result<sandbox::StoppedReply>)>;

    /// `alone` says, when the processes are gone, whether no other attempt of the run lives or is
    /// being started: only then the run's socket is removed and its slice stopped.
    Stop(Context& context, sandbox::StopRequest request, UniqueFunction<bool()> alone, Done done);
    Stop(const Stop&) = delete;
    Stop& operator=(const Stop&) = delete;
    ~Stop() = default;

    /// `done` is called once, from the loop, and may destroy the Stop.
    void begin();

  private:
    void on_drained(Status drained);
    void finish(Status status);

    Context& context_;
    sandbox::StopRequest request_;
    UniqueFunction<bool()> alone_;
    Done done_;
    std::uint32_t scopes_ = 0;
    std::unique_ptr<Drain> drain_;
    std::shared_ptr<Stop*> self_; ///< as in Start
};

} // namespace kheish::launcher
