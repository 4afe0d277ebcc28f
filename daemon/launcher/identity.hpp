#pragma once

#include "base/result.hpp"

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace kheish::launcher {

/// The uids that matter to who may be run as.
struct IdentityPolicy {
    uid_t service_uid = 0;          ///< kheishd's: the only peer that is served, never a run's
    std::optional<uid_t> agent_uid; ///< of the system user of runs without a user
};

/// Errc::launch_refused with the reason unless `uid` is a person's or the agent user: from 1000 on,
/// not nobody, not "no uid", not from systemd's pool of dynamic service users, not kheishd's own.
Status check_run_as(uid_t uid, const IdentityPolicy& policy);

/// A user as the name service knows it.
struct Account {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups; ///< all of them, the primary one first
};

/// Asks the name service, which may take long (LDAP): never from the launcher's loop.
/// Errc::launch_refused where there is no such user.
Result<Account> look_up_account(uid_t uid);
/// The uid of the user `name`; Errc::not_found where there is none. For start-up.
Result<uid_t> look_up_uid(const std::string& name);
Result<gid_t> look_up_gid(const std::string& name);

} // namespace kheish::launcher
