#pragma once

#include "base/clock.hpp"
#include "base/responder.hpp"
#include "codec/json.hpp"
#include "control/caller.hpp"
#include "control/grant_requests.hpp"
#include "engine/event.hpp"
#include "engine/state.hpp"
#include "govern/grant.hpp"
#include "journal/journal.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace kheish::control {

/// What people have allowed beforehand, as far as it may hold still. A grant holds from its commit
/// to that of its revocation, the end of its run or session, or its last moment.
class Grants {
  public:
    /// Where calls are judged.
    struct Place {
        RunId run = {}; ///< none: of no run yet
        SessionId session;
        std::string workspace;
    };
    static Place place_of(const engine::RunState& run) {
        return {run.run, run.session, run.request.workspace};
    }

    static constexpr std::size_t kLiveLimit = 4096; ///< of everybody
    static constexpr std::size_t kLivePerOwnerLimit = 256;

    using Announce = UniqueFunction<void(const std::vector<engine::Event>&)>;

    /// Both outlive it.
    Grants(journal::Journal& journal, const Clock& clock) : journal_(journal), clock_(clock) {}
    Grants(const Grants&) = delete;
    Grants& operator=(const Grants&) = delete;

    /// Once, before anything else.
    Status load();
    /// Told of revocations that are committed.
    void set_announcer(Announce announce) { announce_ = std::move(announce); }
    /// `event` is committed.
    void follow(const engine::Event& event);

    /// Those that hold for calls there now; good until the next call of follow() or revoke().
    std::vector<const govern::Grant*> of(const Place& place) const;
    /// Whether all of `ids` hold there still.
    bool hold(const std::vector<std::string>& ids, const Place& place) const;
    /// Errc::conflict where the owner of the session, or everybody, has as many as may be.
    Status check_room(const SessionId& session) const;

    /// Those that hold, of one session where the request names one, of the caller's sessions else.
    codec::Json view(const Caller& caller, const ListGrants& request) const;
    /// Errc::not_found, or who owns the session that it comes from.
    Result<Principal> owner(const std::string& grant) const;
    /// Answers with the grant's view, also where it has been revoked. Errc::not_found;
    /// Errc::forbidden for somebody else's; Errc::conflict while that is under way.
    void revoke(const Caller& caller, const RevokeGrant& request, Responder<codec::Json> responder);

  private:
    struct Entry {
        journal::GrantRow row;
        govern::Grant grant;
    };

    Status keep(journal::GrantRow row);
    bool has_expired(const journal::GrantRow& row) const;
    bool holds_in(const journal::GrantRow& row, const Place& place, const std::string& owner) const;
    /// Of the session; nobody where it cannot be read.
    std::string owner_of(const SessionId& session) const;
    void drop(const std::function<bool(const journal::GrantRow&)>& over);
    codec::Json view_of(const journal::GrantRow& row) const;
    void finish(
        engine::Event event,
        const journal::GrantRow& row,
        const Result<journal::Committed>& done,
        Responder<codec::Json>& responder);

    journal::Journal& journal_;
    const Clock& clock_;
    Announce announce_;
    std::map<std::string, Entry, std::less<>> live_;
    std::set<std::string, std::less<>> changing_; ///< whose revocation is not committed yet
    std::shared_ptr<void> alive_ = std::make_shared<char>(); ///< the journal may answer later
};

} // namespace kheish::control
