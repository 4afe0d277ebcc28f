#include "runner/call_process.hpp"

#include "base/text.hpp"
#include "runner/bash_call.hpp"
#include "runner/file_tools.hpp"
#include "tools/input.hpp"
#include "tools/limits.hpp"
#include "tools/tool.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace kheish::runner {
namespace {

using codec::runner::Execute;
using codec::runner::Finished;
using codec::runner::PacketSocket;

Finished refused(const CallId& call, const std::string& text) {
    Finished outcome;
    outcome.call = call;
    outcome.kind = Finished::Kind::failed;
    outcome.text = truncate_utf8(to_valid_utf8(text), tools::kExcerptBytes);
    return outcome;
}

/// Calls `tool` with the workspace and the call's input, confined.
template <class Input, class FileTool>
Finished
run_file_tool(const Execute& execute, const CallEnvironment& environment, const FileTool& tool) {
    const Result<codec::Json> value = tools::parse_input(execute.input);
    if (!value)
        return refused(execute.call, value.error().message);
    const Result<Input> input = Input::parse(*value);
    if (!input)
        return refused(execute.call, input.error().message);
    const Result<Workspace> workspace = Workspace::open(environment.workspace);
    if (!workspace)
        return refused(execute.call, workspace.error().to_string());
    if (const Status confined = environment.confinement(); !confined)
        return refused(execute.call, confined.error().to_string());
    Result<FileToolResult> result = tool(*workspace, *input);
    if (!result)
        return refused(execute.call, result.error().message);
    Finished outcome;
    outcome.call = execute.call;
    outcome.text = std::move(result->text);
    outcome.truncated = result->truncated;
    return outcome;
}

/// Until the daemon has journaled it, however long that takes: the runner ends the process if it is
/// not wanted any more.
Status await_proceed(PacketSocket& runner) {
    for (;;) {
        KHEISH_TRY(const std::optional<codec::runner::Received> received, runner.receive());
        if (received)
            return std::holds_alternative<codec::runner::Proceed>(received->message)
                       ? Status()
                       : fail(Errc::cancelled, "the edit was not wanted any more");
        pollfd readable{runner.fd(), POLLIN, 0};
        (void)::poll(&readable, 1, -1);
    }
}

Finished
run_edit(const Execute& execute, const CallEnvironment& environment, PacketSocket& runner) {
    const auto prepare = [&execute, &runner](const codec::ContentChange& change) -> Status {
        KHEISH_CHECK(runner.send(codec::runner::Prepared{execute.call, change}));
        return await_proceed(runner);
    };
    return run_file_tool<tools::EditFileInput>(
        execute,
        environment,
        [&execute, &prepare](const Workspace& workspace, const tools::EditFileInput& input) {
            return edit_file(workspace, input, execute.recorded, prepare);
        });
}

Finished run_bash(
    const Execute& execute,
    std::optional<Fd> spool,
    const CallEnvironment& environment,
    PacketSocket& runner) {
    const Result<codec::Json> value = tools::parse_input(execute.input);
    if (!value)
        return refused(execute.call, value.error().message);
    const Result<tools::BashInput> input = tools::BashInput::parse(*value);
    if (!input)
        return refused(execute.call, input.error().message);
    const BashCall::Bounds bounds{
        .timeout = std::min(std::chrono::milliseconds(execute.timeout_ms), tools::kMaxTimeout),
        .output_limit_bytes = std::min(execute.output_limit_bytes, tools::kMaxOutputBytes)};
    BashCall call(execute.call, bounds, std::move(spool), runner);
    return call.run({input->command, environment.workspace, input->cwd}, environment.confinement);
}

Finished run_tool(
    const Execute& execute,
    std::optional<Fd> spool,
    const CallEnvironment& environment,
    PacketSocket& runner) {
    const tools::Tool* tool = tools::find_tool(execute.tool);
    if (tool == nullptr || tool->place != ToolPlace::runner)
        return refused(execute.call, "the runner has no tool \"" + execute.tool + "\"");
    if (execute.tool == "bash")
        return run_bash(execute, std::move(spool), environment, runner);
    if (execute.tool == "read_file")
        return run_file_tool<tools::ReadFileInput>(execute, environment, read_file);
    if (execute.tool == "list_files")
        return run_file_tool<tools::ListFilesInput>(execute, environment, list_files);
    if (execute.tool == "grep_search")
        return run_file_tool<tools::GrepSearchInput>(execute, environment, grep_search);
    if (execute.tool == "edit_file")
        return run_edit(execute, environment, runner);
    return run_file_tool<tools::WriteFileInput>(execute, environment, write_file);
}

/// Closes every descriptor above stderr but `kept`.
Status close_all_but(std::vector<int> kept) {
    std::sort(kept.begin(), kept.end());
    unsigned first = STDERR_FILENO + 1;
    for (const int fd : kept) {
        const unsigned number = static_cast<unsigned>(fd);
        if (number > first && ::syscall(SYS_close_range, first, number - 1, 0U) != 0)
            return fail_errno("closing descriptors", errno);
        first = number + 1;
    }
    if (::syscall(SYS_close_range, first, ~0U, 0U) != 0)
        return fail_errno("closing descriptors", errno);
    return {};
}

/// Delivers the outcome even where progress has filled the socket.
void deliver(PacketSocket& runner, const Finished& outcome) {
    Status sent = runner.send(outcome);
    while (sent && runner.wants_to_write()) {
        pollfd writable{runner.fd(), POLLOUT, 0};
        (void)::poll(&writable, 1, -1);
        sent = runner.flush();
    }
}

[[noreturn]] void run_child(
    const Execute& execute,
    std::optional<Fd> spool,
    const CallEnvironment& environment,
    Fd socket) {
    std::vector<int> kept{socket.get()};
    if (spool)
        kept.push_back(spool->get());
    PacketSocket runner(std::move(socket));
    const bool alone = ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0;
    const Status closed = close_all_but(std::move(kept));
    const Finished outcome = alone && closed
                                 ? run_tool(execute, std::move(spool), environment, runner)
                                 : refused(execute.call, "the call's process could not be set up");
    deliver(runner, outcome);
    ::_exit(0);
}

} // namespace

Result<CallProcess> CallProcess::start(
    const Execute& execute, std::optional<Fd> spool, const CallEnvironment& environment) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return fail_errno("making a call's connection", errno);
    Fd mine(ends[0]);
    Fd its(ends[1]);
    const pid_t pid = ::fork();
    if (pid < 0)
        return fail_errno("starting a call's process", errno);
    if (pid == 0)
        run_child(execute, std::move(spool), environment, std::move(its));
    // Not reaped before this returns, so the number is its own.
    Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
    if (!process) {
        const int error = errno;
        (void)::kill(pid, SIGKILL);
        return fail_errno("watching a call's process", error);
    }
    return CallProcess(std::move(process), std::move(mine));
}

bool CallProcess::request_cancel(const std::string& tool, const CallId& call) {
    return tool == "bash" && channel_.send(codec::runner::Cancel{call}).has_value();
}

Status CallProcess::proceed(const CallId& call) {
    return channel_.send(codec::runner::Proceed{call});
}

void CallProcess::kill() const {
    // Fails only where the process is gone already.
    (void)::syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0U);
}

} // namespace kheish::runner
