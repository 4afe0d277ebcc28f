#pragma once

#include "base/handle.hpp"
#include "base/responder.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace kheish::bus {

/// Where a user sits.
struct UserSession {
    std::string id;
    pid_t process = 0; ///< of that user, by which polkit finds the session
    friend bool operator==(const UserSession&, const UserSession&) = default;
};

/// Where the users of this host sit.
class UserSessions {
  public:
    using Found = std::optional<UserSession>;

    UserSessions() = default;
    UserSessions(const UserSessions&) = delete;
    UserSessions& operator=(const UserSessions&) = delete;
    virtual ~UserSessions() = default;

    /// The session in which `uid` may be asked now: the user's display (sd_uid_get_display(3)), if
    /// it is local, active and not locked. Nothing where there is none, or nobody knows.
    virtual void find(uid_t uid, Responder<Found> responder) = 0;
    /// `listener` is called when sessions have come, gone or changed. Set once; an empty one ends
    /// it.
    virtual void set_listener(UniqueFunction<void()> listener) = 0;
};

/// As systemd-logind has them (org.freedesktop.login1(5)). The process is the user's service
/// manager, user@UID.service: no session has it, so that polkit takes the display for it.
class LogindSessions final : public UserSessions {
  public:
    /// The bus outlives it.
    explicit LogindSessions(sd_bus* bus);
    ~LogindSessions() override;

    void find(uid_t uid, Responder<Found> responder) override;
    void set_listener(UniqueFunction<void()> listener) override { listener_ = std::move(listener); }

  private:
    class Search;

    void match(const char* path, const char* interface, const char* member);
    static int on_signal(sd_bus_message* message, void* data, sd_bus_error*) noexcept;

    sd_bus* bus_;
    UniqueFunction<void()> listener_;
    std::map<Search*, std::unique_ptr<Search>> searches_;
    std::vector<BusSlot> matches_;
};

} // namespace kheish::bus
