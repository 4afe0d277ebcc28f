#pragma once

#include "base/responder.hpp"
#include "sandbox/launcher_protocol.hpp"
#include "scopes/launcher.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace kheish::scopes {

/// The daemon's side of the launcher's protocol without a socket: requests in, messages out;
/// messages in, answers out. Not thread-safe.
class LauncherSession {
  public:
    /// Requests without an answer at one time; more are Errc::rate_limited.
    static constexpr std::size_t kPendingLimit = 1024;

    explicit LauncherSession(sandbox::JournalId journal) : journal_(journal) {}

    /// Queues a message, or gives the Responder back with why the request is none.
    Status start(const LaunchRequest& request, Responder<Launcher::Started>& done);
    Status stop(RunId run, int attempt, bool release, Responder<void>& done);
    Status sweep(const std::vector<std::pair<RunId, int>>& live, Responder<void>& done);

    /// The next message to send, if there is one; pop_message() when it has been sent.
    const std::string* next_message() const { return unsent_.empty() ? nullptr : &unsent_.front(); }
    void pop_message() { unsent_.pop_front(); }

    /// Answers the request that `message` replies to. Errc::protocol_error where it is no reply of
    /// this protocol or to nothing: the connection is of no use any more.
    Status receive(std::string_view message);
    /// Answers what was sent and has no reply with `error`; what was not sent stays queued.
    void fail_sent(const Error& error);
    /// Answers everything with `error`.
    void fail_all(const Error& error);
    bool has_pending() const { return !pending_.empty(); }

  private:
    using Answer = std::variant<Responder<Launcher::Started>, Responder<void>>;

    Status enqueue(sandbox::Request request);
    Status answer(Answer pending, sandbox::Reply reply);

    sandbox::JournalId journal_;
    std::deque<std::string> unsent_; ///< in the order of their numbers
    std::map<std::uint64_t, Answer> pending_;
    std::uint64_t next_ = 1;
};

} // namespace kheish::scopes
