#pragma once

#include "base/handle.hpp"
#include "base/responder.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace kheish::bus {

/// Who is behind a unique bus name. On a bus the message bus vouches for it; on a direct connection
/// the name is empty.
class Peers {
  public:
    using GoneHandler = UniqueFunction<void(const std::string& bus_name)>;

    Peers() = default;
    Peers(const Peers&) = delete;
    Peers& operator=(const Peers&) = delete;
    virtual ~Peers() = default;

    /// Answers at once where the name is known. Errc::forbidden where nobody vouches for it.
    virtual void find_uid(const std::string& bus_name, Responder<uid_t> responder) = 0;
    /// What find_uid() has found out and still holds.
    virtual std::optional<uid_t> known_uid(const std::string& bus_name) const = 0;
    /// The peers of this user among those; who has called once and is still there.
    virtual std::vector<std::string> known_names(uid_t uid) const = 0;
    /// Called when a peer that was looked for has left the bus. One handler.
    virtual void set_gone_handler(GoneHandler handler) = 0;
};

/// The peers of a message bus: GetConnectionUnixUser, once per peer, remembered until the bus says
/// that the name is gone (unique names are never used again). Never blocks.
class BusPeers final : public Peers {
  public:
    /// More peers than the system bus lets connect by default.
    static constexpr std::size_t kPeerLimit = 4096;

    explicit BusPeers(sd_bus* bus) : bus_(bus) {}
    ~BusPeers() override = default;

    void find_uid(const std::string& bus_name, Responder<uid_t> responder) override;
    std::optional<uid_t> known_uid(const std::string& bus_name) const override;
    std::vector<std::string> known_names(uid_t uid) const override;
    void set_gone_handler(GoneHandler handler) override { gone_ = std::move(handler); }

  private:
    struct Peer {
        BusPeers* owner = nullptr;
        std::string name;
        std::optional<uid_t> uid;
        std::vector<Responder<uid_t>> waiting;
        BusSlot match;
        BusSlot question;
    };

    static int on_owner_changed(sd_bus_message* message, void* data, sd_bus_error*) noexcept;
    static int on_uid(sd_bus_message* message, void* data, sd_bus_error*) noexcept;
    int ask(Peer& peer);
    void settle(Peer& peer, Result<uid_t> uid);
    void forget(const std::string& bus_name);

    sd_bus* bus_;
    std::map<std::string, Peer> peers_; ///< the slots point at its nodes
    GoneHandler gone_;
};

} // namespace kheish::bus
