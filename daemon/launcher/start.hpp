#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "launcher/channel_socket.hpp"
#include "launcher/child.hpp"
#include "launcher/context.hpp"
#include "launcher/drain.hpp"
#include "launcher/handles.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace kheish::launcher {

/// One attempt being started.
///
///   check -> socket, child --+--> slice job --+--> scope job -> cgroup verified -> barrier opens
///                            |                |                                        |
///                            +- child prepares meanwhile                runner reports ready ->
///                            done
///
/// Any failure: the child and the scope's cgroup are killed and awaited, socket and (unless another
/// attempt uses it) slice go, and only then the error is given: nothing of the attempt is left.
class Start {
  public:
    using Done = UniqueFunction<void(Result<sandbox::StartedReply>)>;
    static constexpr std::chrono::microseconds kTimeout = std::chrono::seconds(20);

    /// `sole` says whether no other attempt of the run is being started or may be using its slice;
    /// it is asked at cleanup. `done` is called once, from the loop, and may destroy the Start.
    Start(Context& context, sandbox::StartRequest request, UniqueFunction<bool()> sole, Done done);
    Start(const Start&) = delete;
    Start& operator=(const Start&) = delete;
    ~Start() = default;

    /// The checks that need no waiting, and then the first steps. An error here leaves nothing.
    Status begin();
    /// Gives the attempt up; `done` gets `error` when nothing is left.
    void abort(Error error);
    const sandbox::Attempt& attempt() const { return request_.attempt; }
    pid_t child() const { return child_; }
    /// The child has been reaped.
    void on_child_exit() { child_ = -1; }

  private:
    Status make_child();
    Status watch();
    void ask_for_units();
    void on_slice(Status status);
    void on_scope(Status status);
    void open_barrier();
    void read_report();
    void succeed();
    void clean_up();
    void give_error();
    static int on_report(sd_event_source*, int, std::uint32_t, void* self) noexcept;
    static int on_timeout(sd_event_source*, std::uint64_t, void* self) noexcept;

    Context& context_;
    sandbox::StartRequest request_;
    sandbox::Limits limits_; ///< clamped
    sandbox::Profile profile_;
    UniqueFunction<bool()> sole_;
    Done done_;
    std::optional<ChannelSocket> socket_;
    pid_t child_ = -1; ///< -1 once reaped
    Fd pidfd_;
    Fd barrier_;
    Fd status_;
    std::string report_;
    EventSource report_source_;
    EventSource timeout_;
    std::unique_ptr<Drain> drain_;
    std::optional<Error> error_; ///< set: giving up
    /// What the callbacks of the manager hold: they may come after the end.
    std::shared_ptr<Start*> self_;
};

} // namespace kheish::launcher
