#include "launcher/user_namespace.hpp"

#include "launcher/pipe.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kheish::launcher {

namespace {

constexpr std::string_view kUnusedId = "4294967294";
// The kernel takes 340 lines and a page of text.
constexpr std::size_t kMappedGroupsLimit = 256;

struct Capabilities {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> data{};
};

/// A change of the effective uid takes the effective capabilities away but not the permitted ones.
Status raise_permitted() {
    Capabilities all;
    if (::syscall(SYS_capget, &all.header, all.data.data()) != 0)
        return fail_errno("reading capabilities", errno);
    for (__user_cap_data_struct& half : all.data)
        half.effective = half.permitted;
    if (::syscall(SYS_capset, &all.header, all.data.data()) != 0)
        return fail_errno("raising capabilities", errno);
    return {};
}

/// The process that holds the namespace open until it has maps; shares the descriptor table, so
/// that it can leave the namespace's descriptor behind.
[[noreturn]] void hold_namespace(int ready_fd, int go_on_fd) {
    std::array<int, 2> result{-1, 0};
    if (::syscall(SYS_unshare, CLONE_NEWUSER) == 0)
        result[0] = ::open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
    if (result[0] < 0)
        result[1] = errno;
    const ssize_t written = ::write(ready_fd, result.data(), sizeof result);
    char byte = 0;
    if (written == static_cast<ssize_t>(sizeof result))
        while (::read(go_on_fd, &byte, 1) < 0 && errno == EINTR) {
        }
    ::_exit(0);
}

Status write_map(pid_t holder, const char* name, const std::string& map) {
    const std::string path = "/proc/" + std::to_string(holder) + "/" + name;
    const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file)
        return fail_errno(std::string("opening ") + name, errno, Errc::sandbox_unavailable);
    const Status written = write_all(file.get(), map);
    if (!written)
        return fail(Error(written.error()).wrap(std::string("user namespace: writing ") + name));
    return {};
}

Status write_maps(pid_t holder, const Account& account) {
    KHEISH_CHECK(write_map(holder, "uid_map", uid_map(account)));
    return write_map(holder, "gid_map", gid_map(account));
}

/// Reads what the holder found: the namespace's descriptor.
Result<Fd> take_descriptor(int ready_fd) {
    std::array<int, 2> result{-1, EIO};
    ssize_t count = 0;
    do
        count = ::read(ready_fd, result.data(), sizeof result);
    while (count < 0 && errno == EINTR);
    Fd descriptor(count == static_cast<ssize_t>(sizeof result) ? result[0] : -1);
    if (!descriptor)
        return fail_errno("user namespace", result[1], Errc::sandbox_unavailable);
    return descriptor;
}

std::string map_line(const std::string& id) {
    return id + " " + id + " 1\n";
}

} // namespace

std::string uid_map(const Account& account) {
    return "0 " + std::string(kUnusedId) + " 1\n" + map_line(std::to_string(account.uid));
}

std::string gid_map(const Account& account) {
    std::vector<gid_t> groups = account.groups;
    groups.push_back(account.gid);
    std::sort(groups.begin(), groups.end());
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    std::erase(groups, gid_t{0}); // never root's group
    if (groups.size() > kMappedGroupsLimit)
        groups.assign(1, account.gid);
    std::string map = "0 " + std::string(kUnusedId) + " 1\n";
    for (const gid_t group : groups)
        map += map_line(std::to_string(group));
    return map;
}

Result<Fd> make_user_namespace(const Account& account) {
    KHEISH_TRY(Pipe ready, Pipe::make());
    KHEISH_TRY(Pipe go_on, Pipe::make());
    // The namespace belongs to the effective uid of its maker; bubblewrap may enter it as the
    // owner.
    if (::setresuid(static_cast<uid_t>(-1), account.uid, static_cast<uid_t>(-1)) != 0)
        return fail_errno("becoming uid " + std::to_string(account.uid), errno);
    KHEISH_CHECK(raise_permitted());
    const long holder = ::syscall(SYS_clone, CLONE_FILES | SIGCHLD, nullptr, nullptr, nullptr, 0);
    if (holder == 0)
        hold_namespace(ready.write_end.get(), go_on.read_end.get());
    const int clone_errno = errno;
    if (::setresuid(static_cast<uid_t>(-1), 0, static_cast<uid_t>(-1)) != 0)
        return fail_errno("becoming root again", errno);
    if (holder < 0)
        return fail_errno("starting a process", clone_errno);
    Result<Fd> descriptor = take_descriptor(ready.read_end.get());
    const pid_t process = static_cast<pid_t>(holder);
    const Status mapped = descriptor ? write_maps(process, account) : Status();
    (void)::kill(process, SIGKILL); // it waits for nothing else
    while (::waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
    }
    KHEISH_CHECK(mapped);
    return descriptor;
}

} // namespace kheish::launcher
