#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <string>
#include <string_view>

namespace kheish::sandbox {

/// Whom a filter is for. bubblewrap puts the runner's on the sandbox as a whole; the runner gives
/// each call user, pid and mount namespaces of its own and then puts the tool's on top, so that
/// nothing a model asks for ever has the difference.
enum class FilterFor {
    runner, ///< may make user, pid and mount namespaces, and mount inside them
    tool,
};

/// The system call filter of a run as classic BPF bytes (an array of struct sock_filter), for
/// `bwrap --seccomp FD` and seccomp(2). Everything is allowed but:
///  * other architectures than the native one: the process is killed;
///  * clone3: ENOSYS, so that callers fall back to clone, whose flags a filter can read;
///  * new namespaces (clone, unshare, setns), mounting, tracing and reading other processes, kernel
///    keys, bpf, perf, io_uring, userfaultfd, modules, kexec, clocks, swap, accounting, reboot,
///    raw I/O, opening files by handle: EPERM; a runner's filter leaves out mount and the user, pid
///    and mount namespaces;
///  * ioctl TIOCSTI and TIOCLINUX (typing into a terminal), and personalities that weaken memory
///    protection: EPERM;
///  * sockets: without `network` AF_UNIX only; with it AF_UNIX, AF_INET, AF_INET6 (no raw ones) and
///    AF_NETLINK's NETLINK_ROUTE; any other family: EAFNOSUPPORT.
/// Errc::sandbox_unavailable where libseccomp cannot build it.
Result<std::string> seccomp_program(bool network, FilterFor subject = FilterFor::runner);

/// Puts a program of seccomp_program() on the calling process and everything it starts, for ever.
/// Needs no_new_privs.
Status apply_seccomp(std::string_view program);

/// An unnamed file that holds `bytes`, offset 0, close-on-exec. bubblewrap reads it to the end, so
/// each start needs one of its own.
Result<Fd> unnamed_file(const char* name, std::string_view bytes);

/// Errc::sandbox_unavailable where the kernel has no seccomp filters that can kill a process.
Status check_seccomp();

} // namespace kheish::sandbox
