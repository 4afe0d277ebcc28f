#include "sandbox/seccomp_program.hpp"

#include "base/handle.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace kheish::sandbox {

namespace {

using FilterHandle = std::unique_ptr<void, Releaser<seccomp_release>>;

/// Refused whatever the arguments. A name that this architecture lacks is skipped.
constexpr std::array kRefusedCalls{
    // mounting and changing roots
    "umount",
    "umount2",
    "pivot_root",
    "chroot",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "setns",
    // other processes
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "pidfd_getfd",
    "kcmp",
    // kernel interfaces with a history of privilege escalation
    "add_key",
    "request_key",
    "keyctl",
    "bpf",
    "perf_event_open",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "userfaultfd",
    "fanotify_init",
    "open_by_handle_at",
    "lookup_dcookie",
    // the machine
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "get_kernel_syms",
    "query_module",
    "reboot",
    "swapon",
    "swapoff",
    "acct",
    "quotactl",
    "quotactl_fd",
    "syslog",
    "iopl",
    "ioperm",
    "vhangup",
    "nfsservctl",
    "uselib",
    "settimeofday",
    "stime",
    "clock_settime",
    "clock_settime64",
    "clock_adjtime",
    "clock_adjtime64",
    "adjtimex",
    "sethostname",
    "setdomainname",
    "vm86",
    "vm86old",
    "modify_ldt",
};

constexpr std::array<scmp_datum_t, 8> kNamespaceFlags{
    CLONE_NEWUSER,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWNET,
    CLONE_NEWIPC,
    CLONE_NEWUTS,
    CLONE_NEWCGROUP,
    CLONE_NEWTIME};

/// What the runner needs for its calls' own namespaces.
constexpr std::array<scmp_datum_t, 3> kRunnerNamespaceFlags{
    CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID};

// The kernel reads these arguments as 32-bit numbers and ignores what a caller leaves above.
constexpr scmp_datum_t kLow32 = 0xffffffff;
constexpr scmp_datum_t kSocketTypeMask = 0xf;

constexpr scmp_datum_t kPersonalityQueryBit = 0x80000000;

/// libseccomp's SCMP_A0... are compound literals, which C++ does not have.
constexpr scmp_arg_cmp
argument(unsigned index, scmp_compare comparison, scmp_datum_t first, scmp_datum_t second = 0) {
    return {index, comparison, first, second};
}

class Builder {
  public:
    explicit Builder(FilterHandle context) : context_(std::move(context)) {}

    void refuse(int sys_errno, const char* call, std::initializer_list<scmp_arg_cmp> comparisons) {
        const int number = seccomp_syscall_resolve_name(call);
        if (number == __NR_SCMP_ERROR || result_ < 0)
            return;
        const int result = seccomp_rule_add_array(
            context_.get(),
            SCMP_ACT_ERRNO(static_cast<std::uint16_t>(sys_errno)),
            number,
            static_cast<unsigned>(comparisons.size()),
            comparisons.begin());
        // -EDOM: a call that belongs to another architecture.
        if (result < 0 && result != -EDOM) {
            result_ = result;
            failed_call_ = call;
        }
    }
    Status status() const {
        if (result_ < 0)
            return fail_errno(
                "seccomp: adding a rule for " + failed_call_, -result_, Errc::sandbox_unavailable);
        return {};
    }
    scmp_filter_ctx context() const { return context_.get(); }

  private:
    FilterHandle context_;
    int result_ = 0;
    std::string failed_call_;
};

bool is_for_runner(scmp_datum_t flag) {
    return std::find(kRunnerNamespaceFlags.begin(), kRunnerNamespaceFlags.end(), flag) !=
           kRunnerNamespaceFlags.end();
}

void refuse_namespaces(Builder& builder, FilterFor subject) {
    builder.refuse(ENOSYS, "clone3", {});
    if (subject == FilterFor::tool)
        builder.refuse(EPERM, "mount", {});
    for (const scmp_datum_t flag : kNamespaceFlags) {
        if (subject == FilterFor::runner && is_for_runner(flag))
            continue;
        // CLONE_NEWTIME lies in the bits that clone(2) uses for the exit signal.
        if (flag != CLONE_NEWTIME)
            builder.refuse(EPERM, "clone", {argument(0, SCMP_CMP_MASKED_EQ, flag, flag)});
        builder.refuse(EPERM, "unshare", {argument(0, SCMP_CMP_MASKED_EQ, flag, flag)});
    }
}

void refuse_terminal_input(Builder& builder) {
    for (const scmp_datum_t request : {scmp_datum_t{TIOCSTI}, scmp_datum_t{TIOCLINUX}})
        builder.refuse(EPERM, "ioctl", {argument(1, SCMP_CMP_MASKED_EQ, kLow32, request)});
}

void refuse_personalities(Builder& builder) {
    // READ_IMPLIES_EXEC undoes W^X and MMAP_PAGE_ZERO maps the null page. 0xffffffff asks for the
    // current value and changes nothing; it alone has the unused bit 31 set as well.
    for (const scmp_datum_t flag : {scmp_datum_t{READ_IMPLIES_EXEC}, scmp_datum_t{MMAP_PAGE_ZERO}})
        builder.refuse(
            EPERM,
            "personality",
            {argument(0, SCMP_CMP_MASKED_EQ, flag | kPersonalityQueryBit, flag)});
}

void refuse_families_without_network(Builder& builder) {
    builder.refuse(EAFNOSUPPORT, "socket", {argument(0, SCMP_CMP_NE, AF_UNIX)});
}

void refuse_families_with_network(Builder& builder) {
    for (scmp_datum_t family = 0; family < AF_NETLINK; ++family)
        if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
            builder.refuse(
                EAFNOSUPPORT, "socket", {argument(0, SCMP_CMP_MASKED_EQ, kLow32, family)});
    builder.refuse(EAFNOSUPPORT, "socket", {argument(0, SCMP_CMP_GT, AF_NETLINK)});
    for (const scmp_datum_t family : {scmp_datum_t{AF_INET}, scmp_datum_t{AF_INET6}})
        for (const scmp_datum_t type : {scmp_datum_t{SOCK_RAW}, scmp_datum_t{SOCK_PACKET}})
            builder.refuse(
                EPERM,
                "socket",
                {argument(0, SCMP_CMP_MASKED_EQ, kLow32, family),
                 argument(1, SCMP_CMP_MASKED_EQ, kSocketTypeMask, type)});
    builder.refuse(
        EAFNOSUPPORT,
        "socket",
        {argument(0, SCMP_CMP_EQ, AF_NETLINK), argument(2, SCMP_CMP_NE, NETLINK_ROUTE)});
}

Result<std::string> exported(const Builder& builder) {
    constexpr std::size_t kProgramLimitBytes = 65536;
    const Fd file(::memfd_create("kheish-seccomp", MFD_CLOEXEC));
    if (!file)
        return fail_errno("seccomp: making an unnamed file", errno, Errc::sandbox_unavailable);
    const int result = seccomp_export_bpf(builder.context(), file.get());
    if (result < 0)
        return fail_errno("seccomp: exporting the filter", -result, Errc::sandbox_unavailable);
    if (::lseek(file.get(), 0, SEEK_SET) != 0)
        return fail_errno("seccomp: rewinding the filter", errno, Errc::sandbox_unavailable);
    return read_all(file.get(), kProgramLimitBytes);
}

} // namespace

Result<std::string> seccomp_program(bool network, FilterFor subject) {
    FilterHandle context(seccomp_init(SCMP_ACT_ALLOW));
    if (!context)
        return fail(Errc::sandbox_unavailable, "seccomp: libseccomp cannot make a filter");
    const int result =
        seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (result < 0)
        return fail_errno(
            "seccomp: refusing other architectures", -result, Errc::sandbox_unavailable);
    Builder builder(std::move(context));
    for (const char* call : kRefusedCalls)
        builder.refuse(EPERM, call, {});
    refuse_namespaces(builder, subject);
    refuse_terminal_input(builder);
    refuse_personalities(builder);
    if (network)
        refuse_families_with_network(builder);
    else
        refuse_families_without_network(builder);
    KHEISH_CHECK(builder.status());
    return exported(builder);
}

Status apply_seccomp(std::string_view program) {
    constexpr std::size_t kInstructionLimit = 4096; // BPF_MAXINSNS
    std::vector<sock_filter> instructions(program.size() / sizeof(sock_filter));
    if (instructions.empty() || instructions.size() > kInstructionLimit ||
        program.size() % sizeof(sock_filter) != 0)
        return fail(Errc::sandbox_unavailable, "seccomp: the filter is no program");
    std::memcpy(instructions.data(), program.data(), program.size());
    const sock_fprog filter{static_cast<unsigned short>(instructions.size()), instructions.data()};
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &filter) != 0)
        return fail_errno("seccomp: applying the filter", errno, Errc::sandbox_unavailable);
    return {};
}

Result<Fd> unnamed_file(const char* name, std::string_view bytes) {
    Fd file(::memfd_create(name, MFD_CLOEXEC));
    if (!file)
        return fail_errno("making an unnamed file", errno);
    KHEISH_CHECK(write_all(file.get(), bytes));
    if (::lseek(file.get(), 0, SEEK_SET) != 0)
        return fail_errno("rewinding an unnamed file", errno);
    return file;
}

Status check_seccomp() {
    const std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
    if (::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0U, &action) != 0)
        return fail_errno("seccomp: this kernel lacks filters", errno, Errc::sandbox_unavailable);
    return {};
}

} // namespace kheish::sandbox
