#pragma once

#include "control/caller.hpp"
#include "control/run_actor.hpp"
#include "control/token_requests.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace kheish::control {

/// The named bearer tokens that callers of HTTP prove themselves with. Of a secret there is its
/// SHA-256 and nothing else: it is told once, to whoever has it made. What is decided here holds
/// from its commit on, for requests and streams under way too.
class Tokens {
  public:
    /// Of tokens that have not been revoked.
    static constexpr std::size_t kLiveLimit = 1000;
    static constexpr std::size_t kSecretBytes = 32;
    static constexpr std::string_view kSecretPrefix = "kheish_";

    using Announce = UniqueFunction<void(const std::vector<engine::Event>&)>;
    /// The secret that proved this principal does so no more.
    using OnWithdrawn = UniqueFunction<void(const Principal&)>;

    Tokens(Outside outside, Announce announce);
    Tokens(const Tokens&) = delete;
    Tokens& operator=(const Tokens&) = delete;

    /// Once, before anything else.
    Status load();
    void set_withdrawal_listener(OnWithdrawn listener) { on_withdrawn_ = std::move(listener); }

    /// Whose `secret` this is. Errc::invalid_token where nobody's, whether it never was one, has
    /// expired or was revoked; takes the same time for each.
    Result<Caller> authenticate(std::string_view secret) const;
    /// Those that have not been revoked, as a JSON array in the order of their creation.
    codec::Json view() const;

    // Answers with the token's view; create and rotate with its secret, as `token`. Errc::conflict
    // where the name was given before, has been revoked, or is being changed; Errc::not_found.
    void create(const Caller& caller, const CreateToken& request, Responder<codec::Json> responder);
    void rotate(const Caller& caller, const RotateToken& request, Responder<codec::Json> responder);
    void revoke(const Caller& caller, const RevokeToken& request, Responder<codec::Json> responder);

  private:
    struct Change {
        engine::Event event;
        journal::TokenRow row; ///< after it
        std::string secret;    ///< empty where there is no new one
    };

    Result<journal::TokenRow> live(const std::string& name) const;
    Status check_new(const std::string& name) const;
    std::string new_secret();
    std::optional<std::int64_t>
    expiry_of(const std::optional<std::chrono::milliseconds>& lifetime) const;
    bool is_expired(const journal::TokenRow& row) const;
    void commit(
        const Caller& caller,
        engine::EventBody body,
        std::optional<journal::TokenRow> known,
        std::string secret,
        Responder<codec::Json> responder);
    void finish(Change change, const Result<journal::Committed>& done, Responder<codec::Json>& to);
    codec::Json view_of(const journal::TokenRow& row) const;
    void watch_expiry();
    void on_expiry();
    void withdraw(const std::string& name);

    Outside outside_;
    Announce announce_;
    OnWithdrawn on_withdrawn_;
    std::map<std::string, journal::TokenRow, std::less<>> live_;
    std::set<std::string, std::less<>> changing_; ///< names whose change is not committed yet
    std::set<std::string, std::less<>> expired_;  ///< and have been told of
    std::unique_ptr<Timer> expiry_;
    std::shared_ptr<void> alive_ = std::make_shared<char>(); ///< the journal may answer later
};

} // namespace kheish::control
