#pragma once

#include "base/clock.hpp"
#include "base/entropy.hpp"
#include "base/responder.hpp"
#include "control/caller.hpp"
#include "control/secret_requests.hpp"
#include "engine/event.hpp"
#include "govern/secret_box.hpp"
#include "journal/journal.hpp"
#include "models/credentials.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace kheish::control {

/// The secrets of the journal, and those that systemd gives the service: what a name means to a
/// driver. Of one that systemd gives nothing is kept here; it comes first. No call gives one out
/// but read(), which no edge has.
class Secrets final : public models::Credentials {
  public:
    static constexpr std::size_t kLimit = 1000;

    /// What the service manager gives (systemd.exec(5), CREDENTIALS).
    class Given {
      public:
        Given() = default;
        Given(const Given&) = delete;
        Given& operator=(const Given&) = delete;
        virtual ~Given() = default;
        /// Errc::not_found where there is none of this name, Errc::invalid_configuration where it
        /// cannot be read.
        virtual Result<Secret> read(const std::string& name) const = 0;
    };
    static constexpr std::string_view kMasterKey = "secrets-master-key";
    static constexpr std::string_view kNextMasterKey = "secrets-master-key-next";

    using Announce = UniqueFunction<void(const std::vector<engine::Event>&)>;
    /// What it is called with has changed: given, given anew, or gone.
    using OnChange = UniqueFunction<void(const std::string& name, bool gone)>;
    /// Which routes need the name.
    using Users = UniqueFunction<std::vector<std::string>(const std::string& name)>;

    /// All of them outlive it.
    Secrets(journal::Journal& journal, const Clock& clock, Entropy& entropy, const Given& given);

    void set_announcer(Announce announce) { announce_ = std::move(announce); }
    void set_change_listener(OnChange listener) { on_change_ = std::move(listener); }
    void set_users(Users users) { users_ = std::move(users); }

    Result<Secret> read(const std::string& name) const override;

    /// AuthSlotStatus of the wire contract, for each in the order of creation; never what it is.
    Result<codec::Json> view() const;
    Result<codec::Json> view_of(const std::string& name) const;

    // Each answers with the secret's view after its commit. Errc::conflict where the name is
    // systemd's, is being changed, or does not allow it; Errc::not_found; and of the master key
    // Errc::service_unavailable with what to do.
    void set(const Caller& caller, SetSecret request, Responder<codec::Json> responder);
    /// Of a systemd credential of another name.
    void
    import(const Caller& caller, const ImportSecret& request, Responder<codec::Json> responder);
    /// Destroys what was given; who needs it waits.
    void revoke(const Caller& caller, const NameSecret& request, Responder<codec::Json> responder);
    /// Errc::conflict as long as a route needs it.
    void remove(const Caller& caller, const NameSecret& request, Responder<codec::Json> responder);
    /// Seals all of them under kNextMasterKey, in one commit. Answers {from, to, secrets}.
    void rotate_master_key(const Caller& caller, Responder<codec::Json> responder);

  private:
    struct Change {
        engine::Event event;
        journal::SecretRow row; ///< after it
        bool gone = false;
    };

    Result<std::vector<journal::SecretRow>> rows() const;
    Result<std::optional<journal::SecretRow>> known(const std::string& name) const;
    /// The key that secrets are sealed with now.
    Result<govern::MasterKey> sealing_key() const;
    Result<govern::MasterKey> master_key(std::string_view credential) const;
    Result<govern::MasterKey> key_of(const std::string& id) const;
    std::string purpose(const journal::SecretRow& row) const;
    Status check_changeable(const std::string& name) const;
    Result<std::vector<journal::Row>> rewrapped(
        const std::vector<journal::SecretRow>& rows,
        const govern::MasterKey& to,
        std::string& from) const;
    void store(
        const Caller& caller,
        const std::string& name,
        const Secret& value,
        std::string source,
        Responder<codec::Json> responder);
    void
    end(const Caller& caller,
        const std::string& name,
        engine::EventBody body,
        Responder<codec::Json> responder);
    void commit(Change change, Responder<codec::Json> responder);
    void finish(Change change, const Result<journal::Committed>& done, Responder<codec::Json>& to);
    engine::Event event_of(const Caller& caller, engine::EventBody body) const;
    codec::Json view_of(const journal::SecretRow& row) const;

    journal::Journal& journal_;
    const Clock& clock_;
    Entropy& entropy_;
    const Given& given_;
    Announce announce_;
    OnChange on_change_;
    mutable Users users_;
    std::set<std::string, std::less<>> changing_; ///< whose change is not committed yet
    bool rotating_ = false;
    std::shared_ptr<void> alive_ = std::make_shared<char>(); ///< the journal may answer later
};

} // namespace kheish::control
