#pragma once

#include "codec/packet_socket.hpp"
#include "runner/excerpt.hpp"
#include "runner/isolated_process.hpp"
#include "runner/spool_writer.hpp"
#include "tools/input.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace kheish::runner {

/// Runs one bash call to its end in the process of that call: pumps output into spool and excerpt,
/// keeps time and output limits, listens for a cancel, and tells the runner of progress.
class BashCall {
  public:
    struct Bounds {
        std::chrono::milliseconds timeout{};
        std::int64_t output_limit_bytes = 0;
    };

    BashCall(
        CallId call, Bounds bounds, std::optional<Fd> spool, codec::runner::PacketSocket& runner);

    codec::runner::Finished run(const Command& command, const Confinement& confinement);

  private:
    enum class Cut { none, timeout, cancel, output };
    using SteadyClock = std::chrono::steady_clock;

    void pump(const IsolatedProcess& process);
    void read_output(const IsolatedProcess& process);
    void read_runner(const IsolatedProcess& process);
    void cut(const IsolatedProcess& process, Cut why);
    void report_progress();
    std::chrono::milliseconds until_next_step() const;
    codec::runner::Finished finished(const CommandEnd& end);

    CallId call_;
    Bounds bounds_;
    codec::runner::PacketSocket& runner_;
    SpoolWriter spool_;
    Excerpt excerpt_;
    SteadyClock::time_point deadline_;
    SteadyClock::time_point next_progress_;
    std::int64_t reported_bytes_ = 0;
    bool output_open_ = true;
    bool ended_ = false;
    Cut cut_ = Cut::none;
};

} // namespace kheish::runner
