#include "sandbox/landlock.hpp"

#include "base/fd.hpp"

#include <cerrno>
#include <cstdint>
#include <initializer_list>

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace kheish::sandbox {

namespace {

// The distribution's header describes ABI 2; the kernel accepts a longer structure whose tail it
// knows (landlock_create_ruleset(2)).
constexpr std::uint64_t kTruncate = 1ULL << 14;     // ABI 3
constexpr std::uint64_t kNetworkTcp = 0x3;          // ABI 4: bind and connect
constexpr std::uint64_t kDeviceIoctl = 1ULL << 15;  // ABI 5
constexpr std::uint64_t kScopeSocketsSignals = 0x3; // ABI 6: abstract sockets and signals

struct RulesetAttributes {
    std::uint64_t handled_access_fs;
    std::uint64_t handled_access_net;
    std::uint64_t scoped;
};

constexpr std::uint64_t kReadExecute =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kReadWriteInPlace =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
    kTruncate | kDeviceIoctl;
// Rights that the kernel accepts for a file that is not a directory.
constexpr std::uint64_t kFileRights = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
                                      LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate | kDeviceIoctl;

std::uint64_t file_rights(int abi) {
    std::uint64_t rights = (1ULL << 13) - 1;
    if (abi >= 2)
        rights |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        rights |= kTruncate;
    if (abi >= 5)
        rights |= kDeviceIoctl;
    return rights;
}

tl::unexpected<Error> unavailable(const std::string& what, int sys_errno) {
    return fail_errno("Landlock: " + what, sys_errno, Errc::sandbox_unavailable);
}

Result<Fd> create_ruleset(int abi, bool network) {
    RulesetAttributes attributes{};
    attributes.handled_access_fs = file_rights(abi);
    std::size_t size = sizeof attributes.handled_access_fs;
    if (abi >= 4) {
        attributes.handled_access_net = network ? 0 : kNetworkTcp;
        size += sizeof attributes.handled_access_net;
    }
    if (abi >= 6) {
        attributes.scoped = kScopeSocketsSignals;
        size += sizeof attributes.scoped;
    }
    const long fd = ::syscall(SYS_landlock_create_ruleset, &attributes, size, 0U);
    if (fd < 0)
        return unavailable("creating a ruleset", errno);
    return Fd(static_cast<int>(fd));
}

enum class Missing { refused, left_out };

Status allow(const Fd& ruleset, const std::string& path, std::uint64_t rights, Missing missing) {
    const Fd target(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!target && errno == ENOENT && missing == Missing::left_out)
        return {};
    if (!target)
        return unavailable("opening " + path, errno);
    struct stat status = {};
    if (::fstat(target.get(), &status) != 0)
        return unavailable("inspecting " + path, errno);
    landlock_path_beneath_attr rule{};
    rule.allowed_access = S_ISDIR(status.st_mode) ? rights : rights & kFileRights;
    rule.parent_fd = target.get();
    if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) != 0)
        return unavailable("adding a rule for " + path, errno);
    return {};
}

Status
allow_all(const Fd& ruleset, std::initializer_list<const char*> paths, std::uint64_t rights) {
    for (const char* path : paths)
        KHEISH_CHECK(allow(ruleset, path, rights, Missing::left_out));
    return {};
}

} // namespace

Result<int> landlock_abi() {
    const long abi = ::syscall(
        SYS_landlock_create_ruleset, nullptr, std::size_t{0}, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        return unavailable("this kernel does not offer it", abi < 0 ? errno : ENOSYS);
    return static_cast<int>(abi);
}

Status restrict_to(const AccessRules& rules) {
    KHEISH_TRY(const int abi, landlock_abi());
    KHEISH_TRY(const Fd ruleset, create_ruleset(abi, rules.network));
    const std::uint64_t all = file_rights(abi);
    KHEISH_CHECK(allow_all(
        ruleset,
        {"/usr",
         "/bin",
         "/sbin",
         "/lib",
         "/lib32",
         "/lib64",
         "/libx32",
         "/etc",
         "/opt",
         "/run/systemd/resolve",
         "/run/NetworkManager"},
        kReadExecute));
    for (const std::string& path : rules.read_only_paths)
        KHEISH_CHECK(allow(ruleset, path, kReadExecute, Missing::left_out));
    KHEISH_CHECK(allow_all(ruleset, {"/proc", "/dev"}, kReadWriteInPlace & all));
    KHEISH_CHECK(allow_all(ruleset, {"/tmp", "/var/tmp", "/dev/shm"}, all));
    KHEISH_CHECK(allow(ruleset, rules.workspace, all, Missing::refused));
    if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0U) != 0)
        return unavailable("restricting the process", errno);
    return {};
}

} // namespace kheish::sandbox
