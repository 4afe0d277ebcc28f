#include "launcher/start.hpp"

#include "launcher/pipe.hpp"
#include "launcher/workspace.hpp"
#include "sandbox/runner_start.hpp"

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace kheish::launcher {

namespace {

/// What a status pipe that ended without "ready" means.
Error failure_of(const std::string& report) {
    if (std::optional<Error> error = parse_launch_failure(report))
        return std::move(*error);
    const sandbox::RunnerReport runner = sandbox::parse_runner_report(report);
    if (runner.error)
        return *runner.error;
    std::string text = report.substr(0, report.find_last_not_of('\n') + 1);
    if (text.empty())
        text = "it ended without a word";
    return Error{.code = Errc::sandbox_unavailable, .message = "starting the sandbox: " + text};
}

} // namespace

Start::Start(
    Context& context, sandbox::StartRequest request, UniqueFunction<bool()> sole, Done done)
    : context_(context), request_(std::move(request)), sole_(std::move(sole)),
      done_(std::move(done)), self_(std::make_shared<Start*>(this)) {}

Status Start::begin() {
    KHEISH_CHECK(check_run_as(request_.run_as, context_.identities));
    KHEISH_CHECK(check_workspace_path(request_.workspace));
    Result<sandbox::Profile> profile =
        sandbox::load_profile(request_.profile, sandbox::kProfileDirectories, 0);
    if (!profile)
        return fail(std::move(profile).error().wrap("sandbox profile"));
    profile_ = std::move(*profile);
    limits_ = clamp(request_.limits, context_.limits);
    KHEISH_CHECK(check_primitives(context_.bubblewrap, context_.runner));
    Result<ChannelSocket> socket = ChannelSocket::bind(
        context_.channel_directory, request_.attempt.run, context_.channel_group);
    if (!socket)
        return fail(std::move(socket).error());
    socket_ = std::move(*socket);
    Status made = make_child();
    if (made)
        made = watch();
    if (!made) {
        socket_->remove();
        if (child_ > 0)
            (void)::kill(child_, SIGKILL); // reaped by the server
        return made;
    }
    ask_for_units();
    return {};
}

Status Start::make_child() {
    KHEISH_TRY(Pipe barrier, Pipe::make());
    KHEISH_TRY(Pipe status, Pipe::make());
    const bool network = profile_.network;
    const ChildPlan plan{
        .run_as = request_.run_as,
        .workspace = request_.workspace,
        .tasks_max = limits_.tasks_max,
        .profile = profile_,
        .host = &context_.host,
        .seccomp_program =
            network ? &context_.seccomp_with_network : &context_.seccomp_without_network,
        .bubblewrap = context_.bubblewrap,
        .runner = context_.runner,
        .channel_fd = socket_->listener.get(),
        .barrier_fd = barrier.read_end.get(),
        .status_fd = status.write_end.get()};
    const pid_t process = ::fork();
    if (process < 0)
        return fail_errno("forking", errno);
    if (process == 0) {
        // The child's own copies would keep both pipes from ending.
        barrier.write_end.reset();
        status.read_end.reset();
        run_child(plan);
    }
    child_ = process;
    barrier_ = std::move(barrier.write_end);
    status_ = std::move(status.read_end);
    socket_->listener.reset();
    pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, process, 0U)));
    if (!pidfd_)
        return fail_errno("opening a pidfd", errno);
    return set_nonblocking(status_.get(), true);
}

Status Start::watch() {
    sd_event_source* source = nullptr;
    int result = sd_event_add_io(context_.event, &source, status_.get(), EPOLLIN, on_report, this);
    if (result < 0)
        return fail_errno("watching the child", -result);
    report_source_.reset(source);
    result = sd_event_add_time_relative(
        context_.event,
        &source,
        CLOCK_MONOTONIC,
        static_cast<std::uint64_t>(kTimeout.count()),
        0,
        on_timeout,
        this);
    if (result < 0)
        return fail_errno("setting a timer", -result);
    timeout_.reset(source);
    return {};
}

void Start::ask_for_units() {
    std::weak_ptr<Start*> self = self_;
    const SliceSpec slice{request_.attempt.run, limits_, context_.host_has_swap};
    context_.units->start_slice(slice, [self](Status status) {
        if (const std::shared_ptr<Start*> start = self.lock())
            (*start)->on_slice(std::move(status));
    });
    if (error_)
        return;
    const ScopeSpec scope{
        request_.attempt, request_.journal, child_, &pidfd_, limits_.runtime_max_us};
    context_.units->start_scope(scope, [self](Status status) {
        if (const std::shared_ptr<Start*> start = self.lock())
            (*start)->on_scope(std::move(status));
    });
}

void Start::on_slice(Status status) {
    if (!status)
        abort(std::move(status).error());
}

void Start::on_scope(Status status) {
    if (error_)
        return;
    if (!status)
        return abort(std::move(status).error());
    if (child_ < 0)
        return; // the report, or its end, says why
    const Status member = context_.cgroups.verify_member(child_, request_.attempt);
    if (!member)
        return abort(member.error());
    const sandbox::Degraded degraded = context_.cgroups.degraded(request_.attempt.run);
    if (context_.limits.require_limits && degraded != sandbox::Degraded{})
        return abort(
            {.code = Errc::launch_refused,
             .message = "this host's cgroups lack controllers that the configuration requires"});
    open_barrier();
}

void Start::open_barrier() {
    const Status opened = write_all(barrier_.get(), "g");
    barrier_.reset();
    // A child that has ended at the barrier has said why, and its report is still to be read.
    if (!opened && opened.error().sys_errno != EPIPE)
        abort(Error(opened.error()).wrap("releasing the child"));
}

int Start::on_report(sd_event_source*, int, std::uint32_t, void* self) noexcept {
    static_cast<Start*>(self)->read_report();
    return 0;
}

void Start::read_report() {
    std::array<char, sandbox::kRunnerReportLimitBytes> buffer{};
    const ssize_t count = ::read(status_.get(), buffer.data(), buffer.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count > 0)
        report_.append(buffer.data(), static_cast<std::size_t>(count));
    const sandbox::RunnerReport report = sandbox::parse_runner_report(report_);
    if (report.ready)
        return succeed();
    // A report without end is no report: what came so far is enough to name the trouble.
    if (count <= 0 || report.error || parse_launch_failure(report_) ||
        report_.size() > sandbox::kRunnerReportLimitBytes)
        abort(failure_of(report_));
}

int Start::on_timeout(sd_event_source*, std::uint64_t, void* self) noexcept {
    static_cast<Start*>(self)->abort(
        {.code = Errc::timeout,
         .message = "the sandbox was not ready in time",
         .sys_errno = 0,
         .transient = true});
    return 0;
}

void Start::succeed() {
    report_source_.reset();
    timeout_.reset();
    Done done = std::move(done_);
    done(sandbox::StartedReply{
        context_.cgroups.slice_directory(request_.attempt.run),
        socket_->path,
        context_.cgroups.degraded(request_.attempt.run)});
}

void Start::abort(Error error) {
    if (error_)
        return;
    error_ = std::move(error);
    report_source_.reset();
    timeout_.reset();
    clean_up();
}

void Start::clean_up() {
    socket_->remove();
    barrier_.reset();
    if (child_ > 0)
        (void)::kill(child_, SIGKILL); // reaped by the server
    const std::string scope = context_.cgroups.scope_directory(request_.attempt);
    drain_ = std::make_unique<Drain>(context_.event, scope, [this](Status drained) {
        if (!drained)
            error_ = std::move(*error_).wrap(drained.error().message);
        if (!sole_())
            return give_error();
        const std::string slice = run_slice_name(request_.attempt.run);
        std::weak_ptr<Start*> self = self_;
        context_.units->stop_unit(slice, [self](const Status&) {
            if (const std::shared_ptr<Start*> start = self.lock())
                (*start)->give_error();
        });
    });
}

void Start::give_error() {
    Done done = std::move(done_);
    done(fail(std::move(*error_)));
}

} // namespace kheish::launcher
