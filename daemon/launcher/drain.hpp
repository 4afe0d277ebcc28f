#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "launcher/handles.hpp"

#include <chrono>
#include <string>

namespace kheish::launcher {

/// Kills a cgroup and waits until no process is left in it, without blocking the loop.
class Drain {
  public:
    using Done = UniqueFunction<void(Status)>;
    static constexpr std::chrono::microseconds kTimeout = std::chrono::seconds(10);

    /// `done` is called from the loop, once, never from within the constructor or the destructor:
    /// success where the cgroup is empty or gone, Errc::timeout after kTimeout. It may destroy the
    /// Drain.
    Drain(sd_event* event, std::string directory, Done done);
    Drain(const Drain&) = delete;
    Drain& operator=(const Drain&) = delete;
    ~Drain() = default;

  private:
    static int on_start(sd_event_source*, void* self) noexcept;
    static int on_change(sd_event_source*, int, std::uint32_t, void* self) noexcept;
    static int on_timeout(sd_event_source*, std::uint64_t, void* self) noexcept;
    Status begin();
    void check();
    void finish(Status status);

    sd_event* event_;
    std::string directory_;
    Done done_;
    Fd events_; ///< outlives its source
    EventSource start_;
    EventSource change_;
    EventSource timeout_;
};

} // namespace kheish::launcher
