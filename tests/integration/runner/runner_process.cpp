#include "runner_process.hpp"

#include "sandbox/runner_start.hpp"
#include "sandbox/seccomp_program.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kheish::testing {
namespace {

using namespace codec::runner;

constexpr uid_t kUnprivileged = 64321;
constexpr int kWaitMilliseconds = 20'000;

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    EXPECT_LT(path.size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

Fd listen_at(const std::string& path) {
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    const sockaddr_un address = address_of(path);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket.get(), 16), 0);
    return socket;
}

/// Places `listener` as fd 3 and two sinks, as kheish-launcher does.
bool place_descriptors(int listener, int status, int log) {
    // Out of the way of the numbers that they are to have.
    constexpr int kAside = 100;
    const int listener_aside = ::fcntl(listener, F_DUPFD_CLOEXEC, kAside);
    const int status_aside = ::fcntl(status, F_DUPFD_CLOEXEC, kAside);
    const int log_aside = ::fcntl(log, F_DUPFD_CLOEXEC, kAside);
    return ::dup2(listener_aside, sandbox::kChannelFd) >= 0 &&
           ::dup2(status_aside, sandbox::kStatusFd) >= 0 && ::dup2(log_aside, sandbox::kLogFd) >= 0;
}

/// Only what is safe after fork(2) in a single-threaded program. Returns where something failed.
void become_runner(
    const char* program, const std::string& workspace, int listener, int status, int log) {
    if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(kUnprivileged) != 0 ||
                             ::setuid(kUnprivileged) != 0))
        return;
    if (!place_descriptors(listener, status, log) || ::chdir(workspace.c_str()) != 0)
        return;
    for (const sandbox::EnvironmentEntry& entry :
         sandbox::runner_environment({workspace, {}, false, 0}))
        (void)::setenv(entry.name.c_str(), entry.value.c_str(), 1);
    const Result<std::string> filter = sandbox::seccomp_program(false);
    // A test that is killed leaves no runner, and none holds the test's output open.
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (::dup2(nothing, STDOUT_FILENO) < 0 || ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !filter ||
        !sandbox::apply_seccomp(*filter))
        return;
    ::execl(program, program, nullptr);
}

} // namespace

RunnerProcess::RunnerProcess() {
    const char* program = std::getenv("KHEISH_RUNNER");
    std::string pattern =
        (std::filesystem::temp_directory_path() / "kheish-runner-XXXXXX").string();
    if (program == nullptr || ::mkdtemp(pattern.data()) == nullptr) {
        ADD_FAILURE() << "KHEISH_RUNNER is not set, or no temporary directory";
        return;
    }
    directory_ = pattern;
    workspace_ = directory_ / "workspace";
    std::filesystem::create_directory(workspace_);
    if (::geteuid() == 0) {
        EXPECT_EQ(::chmod(pattern.c_str(), 0755), 0);
        EXPECT_EQ(::chown(workspace_.c_str(), kUnprivileged, kUnprivileged), 0);
    }
    const Fd listener = listen_at(socket_path());
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const Fd status(ends[0]);
    Fd its_status(ends[1]);
    const Fd log(::open((directory_ / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    pid_ = ::fork();
    if (pid_ == 0) {
        become_runner(program, workspace_.string(), listener.get(), its_status.get(), log.get());
        ::_exit(99);
    }
    its_status.reset();
    const Result<std::string> report = read_all(status.get(), sandbox::kRunnerReportLimitBytes);
    EXPECT_TRUE(report && sandbox::parse_runner_report(*report).ready)
        << (report ? *report : report.error().to_string());
}

RunnerProcess::~RunnerProcess() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

void RunnerProcess::kill() {
    if (pid_ < 0)
        return;
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

void RunnerProcess::write(const std::string& name, const std::string& content) const {
    std::ofstream(workspace_ / name, std::ios::binary) << content;
    const uid_t owner = ::geteuid() == 0 ? kUnprivileged : ::geteuid();
    EXPECT_EQ(::chown((workspace_ / name).c_str(), owner, static_cast<gid_t>(-1)), 0);
}

std::string RunnerProcess::read(const std::string& name) const {
    std::ifstream file(workspace_ / name, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

Client::Client(const RunnerProcess& runner)
    : socket_(Fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0))) {
    const sockaddr_un address = address_of(runner.socket_path());
    EXPECT_EQ(
        ::connect(socket_.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

Client Client::greeted(const RunnerProcess& runner) {
    Client client(runner);
    client.send(HelloRequest{.run = RunId{17}, .attempt = 1});
    const Message message = client.receive();
    if (const HelloReply* reply = std::get_if<HelloReply>(&message))
        client.reply_ = *reply;
    else
        ADD_FAILURE() << "the answer to a hello is no hello";
    const Message next = client.receive();
    if (const ProjectPermissions* project = std::get_if<ProjectPermissions>(&next))
        client.project_ = *project;
    else
        ADD_FAILURE() << "a hello is not followed by what the project permits";
    return client;
}

void Client::send(const Message& message, std::vector<Fd> descriptors) {
    const Status sent = socket_.send(message, std::move(descriptors));
    EXPECT_TRUE(sent.has_value()) << sent.error().to_string();
}

void Client::send_raw(const std::string& packet) {
    EXPECT_EQ(
        ::send(socket_.fd(), packet.data(), packet.size(), MSG_NOSIGNAL),
        static_cast<ssize_t>(packet.size()));
}

Message Client::receive() {
    pollfd readable{socket_.fd(), POLLIN, 0};
    if (::poll(&readable, 1, kWaitMilliseconds) != 1) {
        ADD_FAILURE() << "no message came";
        return Refused{"timeout"};
    }
    Result<std::optional<Received>> received = socket_.receive();
    if (!received || !received->has_value()) {
        ADD_FAILURE() << (received ? "nothing" : received.error().to_string());
        return Refused{"end"};
    }
    return std::move((*received)->message);
}

bool Client::ends() {
    for (;;) {
        pollfd readable{socket_.fd(), POLLIN, 0};
        if (::poll(&readable, 1, kWaitMilliseconds) != 1)
            return false;
        const Result<std::optional<Received>> received = socket_.receive();
        if (!received)
            return received.error().code == Errc::runner_lost;
    }
}

CallId Client::start(const std::string& tool, const std::string& input, int timeout_ms) {
    Execute execute;
    execute.call = CallId{"call-1-" + std::to_string(++calls_)};
    execute.tool = tool;
    execute.input = input;
    execute.timeout_ms = timeout_ms;
    execute.output_limit_bytes = 1 << 24;
    send(execute);
    return execute.call;
}

Finished Client::wait(const CallId& call) {
    while (!ended_.contains(call)) {
        Message message = receive();
        if (Finished* finished = std::get_if<Finished>(&message)) {
            ended_[finished->call] = std::move(*finished);
        } else if (const Prepared* prepared = std::get_if<Prepared>(&message)) {
            send(Proceed{prepared->call});
        } else if (!std::holds_alternative<Progress>(message)) {
            ADD_FAILURE() << "neither progress nor an outcome";
            return {};
        }
    }
    Finished finished = std::move(ended_.at(call));
    ended_.erase(call);
    return finished;
}

Finished Client::call(const std::string& tool, const std::string& input) {
    const CallId id = start(tool, input);
    Finished finished = wait(id);
    send(Acknowledge{id});
    return finished;
}

} // namespace kheish::testing
