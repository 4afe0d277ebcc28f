#include "base/fd.hpp"
#include "sandbox/runner_start.hpp"
#include "sandbox/seccomp_program.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/// In the place of kheish-runner where a test asks what the inside of a sandbox can do: runs each
/// message it gets as a shell script and answers with the output. As process 1 it is confined like
/// the tools that it stands for.
namespace {

using namespace kheish;

constexpr std::size_t kScriptLimitBytes = 65536;

std::string run_script(const std::string& script) {
    const std::string command = "exec 2>&1; " + script;
    std::string output;
    std::FILE* const pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr)
        return "popen failed";
    char buffer[4096];
    for (std::size_t count = 0; (count = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
        output.append(buffer, count);
    const int status = ::pclose(pipe);
    if (output.size() > kScriptLimitBytes / 2)
        output.resize(kScriptLimitBytes / 2);
    return output + "exit " + std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

void serve(const Fd& connection) {
    for (;;) {
        std::string script(kScriptLimitBytes, '\0');
        const ssize_t count = ::recv(connection.get(), script.data(), script.size(), 0);
        if (count <= 0)
            return;
        script.resize(static_cast<std::size_t>(count));
        const std::string reply = run_script(script);
        if (::send(connection.get(), reply.data(), reply.size(), MSG_NOSIGNAL) < 0)
            return;
    }
}

Status confine() {
    KHEISH_TRY(const sandbox::RunnerView view, sandbox::enter_sandbox());
    KHEISH_TRY(
        const std::string filter, sandbox::seccomp_program(view.network, sandbox::FilterFor::tool));
    return sandbox::confine_tool(view, filter);
}

} // namespace

int main() {
    if (!confine())
        return EXIT_FAILURE;
    for (;;) {
        pollfd ready{sandbox::kChannelFd, POLLIN, 0};
        if (::poll(&ready, 1, -1) < 0 && errno != EINTR)
            return EXIT_FAILURE;
        const Fd connection(::accept4(sandbox::kChannelFd, nullptr, nullptr, SOCK_CLOEXEC));
        if (connection)
            serve(connection);
    }
}
