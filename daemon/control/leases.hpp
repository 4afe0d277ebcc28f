#pragma once

#include "base/clock.hpp"
#include "base/responder.hpp"
#include "codec/json.hpp"
#include "control/caller.hpp"
#include "control/lease_requests.hpp"
#include "engine/event.hpp"
#include "journal/journal.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace kheish::control {

/// Who proves themselves with what is kheishd's, request by request. A request to a provider is
/// made under a lease: for one agent, one route and one attempt, and no longer than that. What is
/// revoked (a subject, a lease, all leases of a slot) ends the requests that stand on it at once.
class Leases {
  public:
    /// The longest that any request may take.
    static constexpr std::chrono::hours kLifetime{1};

    struct Asked {
        RunId run;
        int turn = 1;
        int attempt = 1;
        SessionId session;
        AgentId agent;
        std::string route;
        std::string slot; ///< the credential's name; empty where the route needs none
    };

    /// A lease that is held; it ends when this goes.
    class Held {
      public:
        Held() = default;
        Held(Leases& leases, std::string id) : leases_(leases.self_), id_(std::move(id)) {}
        ~Held() { end(); }
        Held(const Held&) = delete;
        Held& operator=(const Held&) = delete;
        Held(Held&& other) noexcept
            : leases_(std::exchange(other.leases_, {})), id_(std::move(other.id_)) {}
        Held& operator=(Held&& other) noexcept {
            end();
            leases_ = std::exchange(other.leases_, {});
            id_ = std::move(other.id_);
            return *this;
        }
        void end();

      private:
        std::weak_ptr<Leases*> leases_;
        std::string id_;
    };

    using Announce = UniqueFunction<void(const std::vector<engine::Event>&)>;
    /// The run's request is to be given up, because of `why`.
    using OnRevoked = UniqueFunction<void(RunId run, const std::string& why)>;
    /// A subject may prove itself again.
    using OnRestored = UniqueFunction<void()>;

    /// Both outlive it.
    Leases(journal::Journal& journal, const Clock& clock)
        : journal_(journal), clock_(clock), self_(std::make_shared<Leases*>(this)) {}
    Leases(const Leases&) = delete;
    Leases& operator=(const Leases&) = delete;

    /// Once, before anything else.
    Status load();
    void set_announcer(Announce announce) { announce_ = std::move(announce); }
    void set_revocation_listener(OnRevoked listener) { on_revoked_ = std::move(listener); }
    void set_restoration_listener(OnRestored listener) { on_restored_ = std::move(listener); }

    /// Errc::forbidden where the session or its agent is revoked.
    Result<Held> take(const Asked& asked);
    static std::string id_of(RunId run, int turn, int attempt);
    static std::string grant_of(const std::string& agent, const std::string& route);

    /// AuthSubjectStatus of the wire contract. Errc::bad_request for what is no subject.
    Result<codec::Json> subject_view(const std::string& subject) const;
    /// Of one that is held; Errc::not_found for any other.
    Result<codec::Json> lease_view(const std::string& lease) const;

    // Each answers after its commit.
    void revoke_subject(const Caller&, const NamedRequest&, Responder<codec::Json>);
    void restore_subject(const Caller&, const NamedRequest&, Responder<codec::Json>);
    void revoke_lease(const Caller&, const NamedRequest&, Responder<codec::Json>);
    /// All that are held of a credential: {slot_id, revoked_leases}. The credential stays.
    void revoke_slot(const Caller&, const NamedRequest&, Responder<codec::Json>);

  private:
    struct Lease {
        Asked asked;
        std::int64_t epoch = 0; ///< of the agent
        std::int64_t issued_us = 0;
    };

    std::int64_t epoch_of(const std::string& subject) const;
    bool is_revoked(const std::string& subject) const;
    std::vector<std::string> held_by(const std::string& subject) const;
    engine::Event event_of(const Caller& caller, engine::EventBody body) const;
    void change_subject(const Caller&, engine::EventBody body, Responder<codec::Json> responder);
    void finish(std::vector<engine::Event> events, EventSeq first, UniqueFunction<void()>& act);
    void submit(
        journal::Write write,
        std::vector<engine::Event> events,
        UniqueFunction<void()> act,
        Responder<void> responder);
    void revoke_leases(
        const Caller& caller,
        const std::vector<std::string>& leases,
        const std::string& reason,
        Responder<void> responder);
    void give_up(const std::vector<std::string>& leases, const std::string& why);
    codec::Json view_of(const std::string& id, const Lease& lease) const;

    journal::Journal& journal_;
    const Clock& clock_;
    std::shared_ptr<Leases*> self_; ///< what is held may outlive it
    Announce announce_;
    OnRevoked on_revoked_;
    OnRestored on_restored_;
    std::map<std::string, journal::SubjectRow, std::less<>> subjects_; ///< ever revoked
    std::map<std::string, Lease, std::less<>> held_;
    std::set<std::string, std::less<>> changing_; ///< subjects whose change is not committed yet
};

} // namespace kheish::control
