#pragma once

#include "base/fd.hpp"
#include "base/handle.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "launcher/handles.hpp"
#include "sandbox/launcher_protocol.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace kheish::launcher {

struct SliceSpec {
    RunId run;
    sandbox::Limits limits; ///< clamped
    bool host_has_swap = false;
};

struct ScopeSpec {
    sandbox::Attempt attempt;
    sandbox::JournalId journal{};
    pid_t process = 0;
    const Fd* pidfd = nullptr; ///< of `process`, for managers that take it
    std::uint64_t runtime_max_us = 0;
};

/// The leading number of a manager's version ("252.39-1~deb12u2" is 252); 0 where there is none.
int parse_manager_version(std::string_view version);
/// The description of a run's scope, which also carries the journal's id, and its inverse (all
/// zero where the text is another).
std::string scope_description(const sandbox::Attempt& attempt, const sandbox::JournalId& journal);
sandbox::JournalId parse_scope_description(std::string_view description);

/// The system's service manager over D-Bus (org.freedesktop.systemd1(5)), without waiting: each
/// call answers through its callback, from the loop, once.
class UnitManager {
  public:
    using Done = UniqueFunction<void(Status)>;
    using Listed = UniqueFunction<void(Result<std::vector<sandbox::ListEntry>>)>;

    /// Connects to the system bus and asks for the manager's version; losing the connection later
    /// ends the event loop. The event loop outlives the manager.
    static Result<std::unique_ptr<UnitManager>> connect(sd_event* event);
    UnitManager(const UnitManager&) = delete;
    UnitManager& operator=(const UnitManager&) = delete;
    ~UnitManager() = default;

    /// Makes the slice, or changes the limits of one that exists. Done when its job is.
    void start_slice(const SliceSpec& spec, Done done);
    /// Makes the scope with `process` in it. Done when its job is. May follow start_slice()
    /// without waiting: the manager keeps the order.
    void start_scope(const ScopeSpec& spec, Done done);
    /// Done when the unit is stopped or was not there.
    void stop_unit(const std::string& name, Done done);
    /// The scopes of runs that are loaded, in order.
    void list_scopes(Listed done);

  private:
    using ReplyHandler = UniqueFunction<void(sd_bus_message*, const sd_bus_error*)>;
    struct Call {
        UnitManager* manager = nullptr;
        std::uint64_t id = 0;
        ReplyHandler handler;
        BusSlot slot;
    };

    explicit UnitManager(BusHandle bus) : bus_(std::move(bus)) {}
    Status initialize(sd_event* event);
    void send(BusMessage message, ReplyHandler handler);
    void wait_for_job(sd_bus_message* reply, Done done);
    void set_limits(const SliceSpec& spec, Done done);
    static int on_reply(sd_bus_message* reply, void* call, sd_bus_error* error) noexcept;
    static int on_job_removed(sd_bus_message* signal, void* self, sd_bus_error* error) noexcept;

    BusHandle bus_;
    BusSlot job_removed_;
    std::map<std::uint64_t, Call> calls_;
    std::uint64_t next_call_ = 1;
    std::map<std::string, Done> jobs_; ///< by object path
    int version_ = 0;
};

} // namespace kheish::launcher
