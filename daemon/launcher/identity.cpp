#include "launcher/identity.hpp"

#include <array>
#include <cerrno>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace kheish::launcher {

namespace {

constexpr uid_t kFirstPersonUid = 1000;
constexpr uid_t kNobodyUid = 65534;
constexpr uid_t kNoUid16 = 65535;
constexpr uid_t kNoUid = static_cast<uid_t>(-1);
// systemd hands these to services with DynamicUser= (https://systemd.io/UIDS-GIDS).
constexpr uid_t kDynamicFirst = 61184;
constexpr uid_t kDynamicLast = 65519;

constexpr std::size_t kEntryLimitBytes = 65536;
constexpr int kGroupsLimit = 256;

tl::unexpected<Error> refused(uid_t uid, const std::string& why) {
    return fail(
        Errc::launch_refused, "a run may not execute as uid " + std::to_string(uid) + ": " + why);
}

} // namespace

Status check_run_as(uid_t uid, const IdentityPolicy& policy) {
    if (uid == kNoUid || uid == kNoUid16)
        return refused(uid, "that is no uid");
    if (uid == 0)
        return refused(uid, "that is root");
    if (uid == policy.service_uid)
        return refused(uid, "that is the daemon's own user");
    if (policy.agent_uid && uid == *policy.agent_uid)
        return {};
    if (uid < kFirstPersonUid)
        return refused(uid, "that is a system user");
    if (uid == kNobodyUid)
        return refused(uid, "that is nobody");
    if (uid >= kDynamicFirst && uid <= kDynamicLast)
        return refused(uid, "that is a dynamic service user");
    return {};
}

Result<Account> look_up_account(uid_t uid) {
    std::string buffer(kEntryLimitBytes, '\0');
    passwd entry = {};
    passwd* found = nullptr;
    const int result = ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
    if (result != 0)
        return fail_errno("looking up uid " + std::to_string(uid), result, Errc::launch_refused);
    if (found == nullptr)
        return refused(uid, "the host knows no such user");
    if (entry.pw_gid == 0)
        return refused(uid, "its group is root's");
    Account account{entry.pw_name, uid, entry.pw_gid, {}};
    std::array<gid_t, kGroupsLimit> groups{};
    int count = kGroupsLimit;
    if (::getgrouplist(entry.pw_name, entry.pw_gid, groups.data(), &count) < 0)
        return refused(uid, "the user has more than " + std::to_string(kGroupsLimit) + " groups");
    account.groups.assign(groups.begin(), groups.begin() + count);
    return account;
}

Result<uid_t> look_up_uid(const std::string& name) {
    std::string buffer(kEntryLimitBytes, '\0');
    passwd entry = {};
    passwd* found = nullptr;
    const int result = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (result != 0)
        return fail_errno("looking up user " + name, result);
    if (found == nullptr)
        return fail(Errc::not_found, "the host knows no user \"" + name + "\"");
    return entry.pw_uid;
}

Result<gid_t> look_up_gid(const std::string& name) {
    std::string buffer(kEntryLimitBytes, '\0');
    group entry = {};
    group* found = nullptr;
    const int result = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (result != 0)
        return fail_errno("looking up group " + name, result);
    if (found == nullptr)
        return fail(Errc::not_found, "the host knows no group \"" + name + "\"");
    return entry.gr_gid;
}

} // namespace kheish::launcher
