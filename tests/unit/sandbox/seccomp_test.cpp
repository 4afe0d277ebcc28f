#include "sandbox/seccomp_program.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <vector>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kheish::sandbox {
namespace {

using Program = std::vector<sock_filter>;

Program program_of(bool network, FilterFor subject = FilterFor::tool) {
    const Result<std::string> bytes = seccomp_program(network, subject);
    EXPECT_TRUE(bytes) << (bytes ? "" : bytes.error().to_string());
    Program program(bytes->size() / sizeof(sock_filter));
    std::memcpy(program.data(), bytes->data(), program.size() * sizeof(sock_filter));
    return program;
}

std::uint32_t load_word(const seccomp_data& data, std::uint32_t offset) {
    std::uint32_t word = 0;
    std::memcpy(&word, reinterpret_cast<const char*>(&data) + offset, sizeof word);
    return word;
}

bool jumps(const sock_filter& instruction, std::uint32_t accumulator) {
    switch (BPF_OP(instruction.code)) {
    case BPF_JEQ:
        return accumulator == instruction.k;
    case BPF_JGT:
        return accumulator > instruction.k;
    case BPF_JGE:
        return accumulator >= instruction.k;
    case BPF_JSET:
        return (accumulator & instruction.k) != 0;
    default:
        return true;
    }
}

/// What the kernel's interpreter would answer; only the instructions that libseccomp makes.
std::uint32_t judge(const Program& program, const seccomp_data& data) {
    std::uint32_t accumulator = 0;
    for (std::size_t at = 0; at < program.size(); ++at) {
        const sock_filter& instruction = program[at];
        switch (BPF_CLASS(instruction.code)) {
        case BPF_LD:
            accumulator = load_word(data, instruction.k);
            break;
        case BPF_ALU:
            EXPECT_EQ(BPF_OP(instruction.code), BPF_AND);
            accumulator &= instruction.k;
            break;
        case BPF_JMP:
            if (BPF_OP(instruction.code) == BPF_JA)
                at += instruction.k;
            else
                at += jumps(instruction, accumulator) ? instruction.jt : instruction.jf;
            break;
        case BPF_RET:
            return instruction.k;
        default:
            ADD_FAILURE() << "unexpected instruction " << instruction.code;
            return 0;
        }
    }
    ADD_FAILURE() << "the program does not return";
    return 0;
}

std::uint32_t native_architecture() {
#if defined(__x86_64__)
    return AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
    return AUDIT_ARCH_AARCH64;
#endif
}

using Words = std::array<std::uint64_t, 6>;

std::uint32_t judge_call(const Program& program, long number, const Words& words = {}) {
    seccomp_data data{};
    data.nr = static_cast<int>(number);
    data.arch = native_architecture();
    std::copy(words.begin(), words.end(), std::begin(data.args));
    return judge(program, data);
}

std::vector<std::uint64_t> numbers(std::initializer_list<int> values) {
    std::vector<std::uint64_t> result;
    for (const int value : values)
        result.push_back(static_cast<std::uint64_t>(value));
    return result;
}

constexpr std::uint32_t refusal(int sys_errno) {
    return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(sys_errno);
}

class SeccompBoth : public ::testing::TestWithParam<bool> {
  protected:
    Program program_ = program_of(GetParam());
};

TEST_P(SeccompBoth, OrdinaryCallsPass) {
    for (const long call :
         {SYS_read, SYS_openat, SYS_execve, SYS_mmap, SYS_kill, SYS_wait4, SYS_landlock_add_rule})
        EXPECT_EQ(judge_call(program_, call), SECCOMP_RET_ALLOW) << call;
    EXPECT_EQ(judge_call(program_, SYS_clone, {SIGCHLD}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(judge_call(program_, SYS_clone, {CLONE_VM | CLONE_THREAD}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(judge_call(program_, SYS_unshare, {CLONE_FILES}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(judge_call(program_, SYS_ioctl, {0, TIOCGWINSZ}), SECCOMP_RET_ALLOW);
}

TEST_P(SeccompBoth, Clone3IsUnknown) {
    EXPECT_EQ(judge_call(program_, SYS_clone3), refusal(ENOSYS));
}

TEST_P(SeccompBoth, DangerousCallsAreRefused) {
    for (const long call :
         {SYS_ptrace,
          SYS_process_vm_readv,
          SYS_process_vm_writev,
          SYS_keyctl,
          SYS_add_key,
          SYS_request_key,
          SYS_bpf,
          SYS_perf_event_open,
          SYS_mount,
          SYS_umount2,
          SYS_pivot_root,
          SYS_chroot,
          SYS_move_mount,
          SYS_open_tree,
          SYS_fsopen,
          SYS_fsmount,
          SYS_mount_setattr,
          SYS_kexec_load,
          SYS_init_module,
          SYS_finit_module,
          SYS_delete_module,
          SYS_io_uring_setup,
          SYS_io_uring_enter,
          SYS_io_uring_register,
          SYS_userfaultfd,
          SYS_setns,
          SYS_pidfd_getfd,
          SYS_open_by_handle_at,
          SYS_reboot,
          SYS_swapon,
          SYS_settimeofday,
          SYS_clock_settime,
          SYS_syslog,
          SYS_acct,
          SYS_kcmp,
          SYS_fanotify_init})
        EXPECT_EQ(judge_call(program_, call), refusal(EPERM)) << call;
}

TEST_P(SeccompBoth, NewNamespacesAreRefused) {
    for (const std::uint64_t flag : numbers(
             {CLONE_NEWUSER,
              CLONE_NEWNS,
              CLONE_NEWPID,
              CLONE_NEWNET,
              CLONE_NEWIPC,
              CLONE_NEWUTS,
              CLONE_NEWCGROUP})) {
        EXPECT_EQ(judge_call(program_, SYS_clone, {flag | SIGCHLD}), refusal(EPERM)) << flag;
        EXPECT_EQ(judge_call(program_, SYS_unshare, {flag}), refusal(EPERM)) << flag;
        EXPECT_EQ(judge_call(program_, SYS_unshare, {flag | CLONE_FILES}), refusal(EPERM)) << flag;
    }
    EXPECT_EQ(judge_call(program_, SYS_unshare, {0x80}), refusal(EPERM)); // CLONE_NEWTIME
}

TEST_P(SeccompBoth, TypingIntoATerminalIsRefusedWhateverTheUpperBits) {
    EXPECT_EQ(judge_call(program_, SYS_ioctl, {0, TIOCSTI}), refusal(EPERM));
    EXPECT_EQ(judge_call(program_, SYS_ioctl, {0, TIOCSTI | (1ULL << 32)}), refusal(EPERM));
    EXPECT_EQ(judge_call(program_, SYS_ioctl, {0, TIOCLINUX}), refusal(EPERM));
}

TEST_P(SeccompBoth, PersonalityMayNotWeakenMemory) {
    EXPECT_EQ(judge_call(program_, SYS_personality, {0xffffffff}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(judge_call(program_, SYS_personality, {ADDR_NO_RANDOMIZE}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(judge_call(program_, SYS_personality, {READ_IMPLIES_EXEC}), refusal(EPERM));
    EXPECT_EQ(judge_call(program_, SYS_personality, {MMAP_PAGE_ZERO}), refusal(EPERM));
}

TEST_P(SeccompBoth, ExoticSocketFamiliesAreRefused) {
    for (const std::uint64_t family : numbers(
             {AF_UNSPEC,
              AF_PACKET,
              AF_VSOCK,
              AF_BLUETOOTH,
              AF_ALG,
              AF_KEY,
              AF_AX25,
              AF_XDP,
              AF_RDS})) {
        EXPECT_EQ(judge_call(program_, SYS_socket, {family, SOCK_DGRAM}), refusal(EAFNOSUPPORT))
            << family;
        // The kernel looks at the lower half only, so the filter must not be misled by the upper.
        EXPECT_NE(
            judge_call(program_, SYS_socket, {family | (1ULL << 32), SOCK_DGRAM}),
            SECCOMP_RET_ALLOW)
            << family;
    }
    EXPECT_EQ(judge_call(program_, SYS_socket, {AF_UNIX, SOCK_STREAM}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(judge_call(program_, SYS_socketpair, {AF_UNIX, SOCK_STREAM}), SECCOMP_RET_ALLOW);
}

TEST_P(SeccompBoth, ForeignArchitecturesAreKilled) {
    seccomp_data data{};
    data.nr = SYS_read;
    data.arch = AUDIT_ARCH_I386;
    EXPECT_EQ(judge(program_, data), SECCOMP_RET_KILL_PROCESS);
#if defined(__x86_64__)
    data.arch = AUDIT_ARCH_X86_64;
    data.nr = 0x40000000 + 1; // x32
    EXPECT_EQ(judge(program_, data), SECCOMP_RET_KILL_PROCESS);
#endif
}

INSTANTIATE_TEST_SUITE_P(Networks, SeccompBoth, ::testing::Bool());

TEST(Seccomp, WithoutNetworkOnlyUnixSockets) {
    const Program program = program_of(false);
    for (const std::uint64_t family : numbers({AF_INET, AF_INET6, AF_NETLINK}))
        for (const std::uint64_t upper : {std::uint64_t{0}, std::uint64_t{1} << 32})
            EXPECT_EQ(
                judge_call(program, SYS_socket, {family | upper, SOCK_STREAM}),
                refusal(EAFNOSUPPORT));
}

TEST(Seccomp, WithNetworkOrdinarySocketsButNoRawOnes) {
    const Program program = program_of(true);
    for (const std::uint64_t family : numbers({AF_INET, AF_INET6})) {
        for (const std::uint64_t type : numbers({SOCK_STREAM, SOCK_DGRAM}))
            EXPECT_EQ(
                judge_call(program, SYS_socket, {family, type | SOCK_CLOEXEC}), SECCOMP_RET_ALLOW);
        EXPECT_EQ(
            judge_call(program, SYS_socket, {family, SOCK_RAW | SOCK_NONBLOCK}), refusal(EPERM));
        EXPECT_EQ(
            judge_call(program, SYS_socket, {family | (1ULL << 32), SOCK_RAW}), refusal(EPERM));
    }
    EXPECT_EQ(judge_call(program, SYS_socket, {AF_NETLINK, SOCK_RAW, 0}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(judge_call(program, SYS_socket, {AF_NETLINK, SOCK_RAW, 9}), refusal(EAFNOSUPPORT));
}

/// Runs in a child under the real filter; the exit status is the number of the failed check.
int calls_under_filter(const Program& program) {
    const sock_fprog filter{
        static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return 1;
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &filter) != 0)
        return 2;
    if (::syscall(SYS_unshare, CLONE_NEWUSER) != -1 || errno != EPERM)
        return 3;
    if (::syscall(SYS_clone3, nullptr, 0) != -1 || errno != ENOSYS)
        return 4;
    if (::socket(AF_INET, SOCK_STREAM, 0) != -1 || errno != EAFNOSUPPORT)
        return 5;
    if (::syscall(SYS_keyctl, 0, 0) != -1 || errno != EPERM)
        return 6;
    return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 0 : 7;
}

TEST(Seccomp, TheKernelTakesItAndObeys) {
    ASSERT_TRUE(check_seccomp());
    const Program program = program_of(false);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0)
        ::_exit(calls_under_filter(program));
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Seccomp, TheRunnersFilterDiffersInNamespacesAndMountOnly) {
    const Program runner = program_of(false, FilterFor::runner);
    const Program tool = program_of(false, FilterFor::tool);
    for (long call = 0; call < 450; ++call) {
        if (call == SYS_clone || call == SYS_unshare || call == SYS_mount)
            continue;
        EXPECT_EQ(judge_call(runner, call), judge_call(tool, call)) << call;
    }
    EXPECT_EQ(judge_call(runner, SYS_mount), SECCOMP_RET_ALLOW);
    for (const std::uint64_t flag : numbers({CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID}))
        EXPECT_EQ(judge_call(runner, SYS_unshare, {flag}), SECCOMP_RET_ALLOW);
    for (const std::uint64_t flag :
         numbers({CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP}))
        EXPECT_EQ(judge_call(runner, SYS_unshare, {flag | CLONE_NEWUSER}), refusal(EPERM));
}

TEST(Seccomp, WhatIsNoProgramIsNotApplied) {
    EXPECT_EQ(apply_seccomp("").error().code, Errc::sandbox_unavailable);
    EXPECT_EQ(apply_seccomp("1234567").error().code, Errc::sandbox_unavailable);
}

TEST(Seccomp, UnnamedFilesStartAtTheirBeginning) {
    const Result<Fd> file = unnamed_file("test", "abc");
    ASSERT_TRUE(file);
    EXPECT_EQ(*read_all(file->get(), 100), "abc");
}

} // namespace
} // namespace kheish::sandbox
