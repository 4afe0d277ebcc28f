#include "launcher/context.hpp"

#include "sandbox/landlock.hpp"
#include "sandbox/seccomp_program.hpp"

#include <cerrno>

#include <unistd.h>

namespace kheish::launcher {

Status check_primitives(const std::string& bubblewrap, const std::string& runner) {
    for (const char* name : {"user", "mnt", "pid", "ipc", "uts", "net", "cgroup"}) {
        const std::string path = std::string("/proc/self/ns/") + name;
        if (::access(path.c_str(), F_OK) != 0)
            return fail_errno(std::string(name) + " namespaces", errno, Errc::sandbox_unavailable);
    }
    KHEISH_CHECK(sandbox::check_seccomp());
    KHEISH_CHECK(sandbox::landlock_abi());
    for (const std::string& program : {bubblewrap, runner})
        if (::access(program.c_str(), X_OK) != 0)
            return fail_errno(program, errno, Errc::sandbox_unavailable);
    return {};
}

} // namespace kheish::launcher
