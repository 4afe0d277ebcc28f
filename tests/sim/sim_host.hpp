#pragma once

#include "machine.hpp"

namespace kheish::sim {

/// The RunHost of one daemon process.
class SimHost final : public scopes::RunHost {
  public:
    SimHost(Machine& machine, Oracle& oracle, const journal::Journal& durable, Life life)
        : machine_(machine), oracle_(oracle), durable_(durable), life_(std::move(life)) {}

    void set_observer(scopes::RunHostObserver* observer) override;
    void launch(scopes::LaunchRequest request) override;
    void adopt(RunId run, int attempt) override;
    void execute(RunId run, scopes::Execution execution) override;
    void proceed(RunId run, CallId call) override;
    void cancel(RunId run, CallId call) override;
    void acknowledge(RunId run, CallId call) override;
    void stop(RunId run, int attempt) override;
    void release(RunId run) override;
    void sweep(std::vector<std::pair<RunId, int>> live, UniqueFunction<void(Status)> done) override;
    Result<std::string>
    read_spool(RunId run, const CallId& call, std::int64_t offset_bytes, std::int64_t limit_bytes)
        override;
    /// What this process asks from now on reaches nobody.
    void mute() { life_.reset(); }

  private:
    Machine& machine_;
    Oracle& oracle_;
    const journal::Journal& durable_;
    Life life_;
};

} // namespace kheish::sim
