#pragma once

#include "bus/peers.hpp"
#include "control/caller.hpp"
#include "control/operations.hpp"
#include "govern/authorizer.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kheish::bus {

/// What a method call wants to be allowed to do.
struct AccessRequest {
    control::Operation operation = control::Operation::status;
    /// Whose thing it is about; nothing for what will be the caller's own.
    std::optional<Principal> owner = {};
    std::vector<Principal> deciders = {}; ///< for whom it is as if it were their own
    /// A list of everything: of all users where the caller may read theirs without being asked for
    /// a password, else of the caller's own.
    bool listing = false;
    std::vector<std::pair<std::string, std::string>> details = {}; ///< for the prompt, escaped
};

/// Finds out who calls and asks the authority of the host whether they may, always before anything
/// changes. The action is that of the operations table, for somebody else's things the one with
/// "-others" behind it; only the latter's yes, and that of administration, sets
/// Caller::acts_for_others. A caller who leaves the bus ends the question and the prompt.
class Access {
  public:
    static constexpr std::size_t kPendingLimit = 4096;
    static constexpr std::size_t kPendingPerPeerLimit = 64;

    /// Both outlive it. Sets the gone handler of `peers`.
    Access(Peers& peers, govern::Authorizer& authorizer);
    ~Access();
    Access(const Access&) = delete;
    Access& operator=(const Access&) = delete;

    /// `interactive`: the caller lets itself be asked for a password. Errc::forbidden where the
    /// answer is no, Errc::rate_limited where too many wait, Errc::cancelled where the caller left.
    void check(
        const std::string& bus_name,
        bool interactive,
        AccessRequest request,
        Responder<control::Caller> responder);
    std::size_t pending() const { return pending_.size(); }
    /// Refuses what waits and what comes with Errc::daemon_draining: nothing has changed, and the
    /// caller may ask the next kheishd the same.
    void close();

  private:
    enum class Stage { identity, everything, action };
    struct Question {
        std::string bus_name;
        bool interactive = false;
        AccessRequest request;
        Responder<control::Caller> responder;
        control::Caller caller;
        Stage stage = Stage::identity;
        std::unique_ptr<govern::Authorization> authorization;
    };

    void on_uid(std::uint64_t number, Result<uid_t> uid);
    void ask(std::uint64_t number, Stage stage, bool others);
    void on_answer(std::uint64_t number, bool others, Status answer);
    void finish(std::uint64_t number, Result<control::Caller> result);
    void on_gone(const std::string& bus_name);
    std::size_t pending_of(const std::string& bus_name) const;

    Peers& peers_;
    govern::Authorizer& authorizer_;
    std::map<std::uint64_t, Question> pending_;
    std::uint64_t last_number_ = 0;
    bool closed_ = false;
    std::shared_ptr<Access*> self_; ///< the peers may answer after this is gone
};

} // namespace kheish::bus
