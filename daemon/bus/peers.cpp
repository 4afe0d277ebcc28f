#include "bus/peers.hpp"

#include <utility>

namespace kheish::bus {

namespace {

constexpr const char* kBusDriver = "org.freedesktop.DBus";
constexpr const char* kBusDriverPath = "/org/freedesktop/DBus";

} // namespace

std::optional<uid_t> BusPeers::known_uid(const std::string& bus_name) const {
    const std::map<std::string, Peer>::const_iterator found = peers_.find(bus_name);
    return found == peers_.end() ? std::nullopt : found->second.uid;
}

std::vector<std::string> BusPeers::known_names(uid_t uid) const {
    std::vector<std::string> names;
    for (const auto& [name, peer] : peers_)
        if (peer.uid == uid)
            names.push_back(name);
    return names;
}

void BusPeers::find_uid(const std::string& bus_name, Responder<uid_t> responder) {
    if (const std::optional<uid_t> uid = known_uid(bus_name))
        return responder.answer(*uid);
    if (bus_name.empty() || bus_name.front() != ':')
        return responder.fail(Errc::forbidden, "the caller has no unique bus name");
    if (peers_.size() >= kPeerLimit && !peers_.contains(bus_name))
        return responder.fail(Errc::rate_limited, "too many callers are on the bus");
    const auto [place, added] = peers_.try_emplace(bus_name);
    Peer& peer = place->second;
    peer.waiting.push_back(std::move(responder));
    if (!added)
        return;
    peer.owner = this;
    peer.name = bus_name;
    if (ask(peer) < 0)
        settle(peer, fail(Errc::forbidden, "the bus cannot be asked who is calling"));
}

int BusPeers::ask(Peer& peer) {
    // The match comes first: whoever leaves after the answer is noticed.
    const std::string rule = "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/"
                             "DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                             "arg0='" +
                             peer.name + "'";
    sd_bus_slot* slot = nullptr;
    const int matched =
        sd_bus_add_match_async(bus_, &slot, rule.c_str(), on_owner_changed, nullptr, &peer);
    if (matched < 0)
        return matched;
    peer.match.reset(slot);
    slot = nullptr;
    const int asked = sd_bus_call_method_async(
        bus_,
        &slot,
        kBusDriver,
        kBusDriverPath,
        kBusDriver,
        "GetConnectionUnixUser",
        on_uid,
        &peer,
        "s",
        peer.name.c_str());
    peer.question.reset(slot);
    return asked;
}

int BusPeers::on_uid(sd_bus_message* message, void* data, sd_bus_error*) noexcept {
    Peer& peer = *static_cast<Peer*>(data);
    std::uint32_t uid = 0;
    const bool known = sd_bus_message_is_method_error(message, nullptr) == 0 &&
                       sd_bus_message_read(message, "u", &uid) >= 0;
    if (known)
        peer.owner->settle(peer, static_cast<uid_t>(uid));
    else
        peer.owner->settle(peer, fail(Errc::forbidden, "the bus does not say who is calling"));
    return 0;
}

int BusPeers::on_owner_changed(sd_bus_message* message, void* data, sd_bus_error*) noexcept {
    const char* name = nullptr;
    const char* old_owner = nullptr;
    const char* new_owner = nullptr;
    if (sd_bus_message_read(message, "sss", &name, &old_owner, &new_owner) < 0)
        return 0;
    const Peer& peer = *static_cast<Peer*>(data);
    if (*new_owner == '\0')
        peer.owner->forget(std::string(name));
    return 0;
}

void BusPeers::settle(Peer& peer, Result<uid_t> uid) {
    std::vector<Responder<uid_t>> waiting = std::exchange(peer.waiting, {});
    peer.question.reset();
    if (uid)
        peer.uid = *uid;
    else
        peers_.erase(std::string(peer.name));
    for (Responder<uid_t>& responder : waiting)
        responder.answer(uid);
}

void BusPeers::forget(const std::string& bus_name) {
    const std::map<std::string, Peer>::iterator found = peers_.find(bus_name);
    if (found == peers_.end())
        return;
    if (!found->second.uid)
        settle(found->second, fail(Errc::cancelled, "the caller has left the bus"));
    else
        peers_.erase(found);
    if (gone_)
        gone_(bus_name);
}

} // namespace kheish::bus
