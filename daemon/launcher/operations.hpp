#pragma once

#include "launcher/context.hpp"
#include "launcher/start.hpp"
#include "launcher/stop.hpp"
#include "launcher/sweep.hpp"

#include <cstdint>
#include <map>
#include <memory>

namespace kheish::launcher {

/// All requests that are being served, whoever asked. None waits for another: starting an attempt
/// does not wait for the teardown of the one before.
class Operations {
  public:
    using Reply = UniqueFunction<void(sandbox::Reply)>;
    static constexpr std::size_t kLimit = 1024;

    explicit Operations(Context& context) : context_(context) {}
    Operations(const Operations&) = delete;
    Operations& operator=(const Operations&) = delete;
    ~Operations() = default;

    /// `reply` is called once, now or later.
    void serve(sandbox::Request request, Reply reply);
    bool empty() const {
        return starts_.empty() && stops_.empty() && sweeps_.empty() && lists_ == 0;
    }
    /// A child of this process has been reaped.
    void on_child_exit(pid_t process);

  private:
    void serve_one(std::uint64_t number, sandbox::StartRequest request, Reply reply);
    void serve_one(std::uint64_t number, sandbox::StopRequest request, Reply reply);
    void serve_one(std::uint64_t number, sandbox::ListRequest request, Reply reply);
    void serve_one(std::uint64_t number, sandbox::SweepRequest request, Reply reply);
    Status admit(const sandbox::StartRequest& request) const;
    bool is_starting(const sandbox::Attempt& attempt) const { return starts_.contains(attempt); }
    /// No attempt of the run has a process, nor is one but `except` being started.
    bool is_idle(RunId run, const sandbox::Attempt& except = {}) const;
    void abort_starts(const sandbox::Attempt& attempt);

    Context& context_;
    std::map<sandbox::Attempt, std::unique_ptr<Start>> starts_;
    std::map<std::uint64_t, std::unique_ptr<Stop>> stops_;
    std::map<std::uint64_t, std::unique_ptr<Sweep>> sweeps_;
    std::size_t lists_ = 0;
    std::uint64_t next_ = 1;
};

/// The page that `request` asks for out of all scopes, which are in order.
sandbox::ListReply
list_page(const sandbox::ListRequest& request, const std::vector<sandbox::ListEntry>& all);

} // namespace kheish::launcher
