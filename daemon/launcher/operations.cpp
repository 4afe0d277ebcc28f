#include "launcher/operations.hpp"

#include "base/log.hpp"

#include <algorithm>

namespace kheish::launcher {

namespace {

sandbox::Reply error_reply(std::uint64_t number, const Error& error) {
    return {number, error};
}

template <class Body>
sandbox::Reply reply_of(std::uint64_t number, Result<Body> result) {
    if (!result)
        return error_reply(number, result.error());
    return {number, std::move(*result)};
}

/// A cgroup that is gone, or that cannot be read any more, has no process.
bool has_processes(const std::string& directory) {
    const Result<std::optional<Fd>> events = open_cgroup_events(directory);
    if (!events || !*events)
        return false;
    return is_populated(**events).value_or(false);
}

} // namespace

sandbox::ListReply
list_page(const sandbox::ListRequest& request, const std::vector<sandbox::ListEntry>& all) {
    sandbox::ListReply page;
    for (const sandbox::ListEntry& entry : all) {
        if (!(request.after < entry.attempt))
            continue;
        if (page.entries.size() == sandbox::kListPageEntries) {
            page.more = true;
            break;
        }
        page.entries.push_back(entry);
    }
    return page;
}

void Operations::serve(sandbox::Request request, Reply reply) {
    const std::size_t active = starts_.size() + stops_.size() + sweeps_.size() + lists_;
    if (active >= kLimit)
        return reply(error_reply(
            request.number,
            {.code = Errc::rate_limited,
             .message = "the launcher is serving its limit of requests",
             .sys_errno = 0,
             .transient = true}));
    std::visit(
        [this, number = request.number, &reply](auto& body) {
            serve_one(number, std::move(body), std::move(reply));
        },
        request.body);
}

Status Operations::admit(const sandbox::StartRequest& request) const {
    if (is_starting(request.attempt))
        return fail(Errc::conflict, "this attempt is being started already");
    KHEISH_TRY(const std::vector<sandbox::Attempt> live, context_.cgroups.scopes());
    if (std::find(live.begin(), live.end(), request.attempt) != live.end())
        return fail(Errc::conflict, "this attempt has a scope already");
    if (live.size() + starts_.size() >= context_.limits.runs_max)
        return fail(
            Errc::rate_limited,
            "the host runs its limit of " + std::to_string(context_.limits.runs_max) + " runs");
    return {};
}

void Operations::serve_one(std::uint64_t number, sandbox::StartRequest request, Reply reply) {
    const Status admitted = admit(request);
    if (!admitted)
        return reply(error_reply(number, admitted.error()));
    const sandbox::Attempt attempt = request.attempt;
    // Kept apart from the Start, which a failing begin() ends without calling it.
    const std::shared_ptr<Reply> answer = std::make_shared<Reply>(std::move(reply));
    std::unique_ptr<Start>& start = starts_[attempt];
    start = std::make_unique<Start>(
        context_,
        std::move(request),
        [this, attempt] { return is_idle(attempt.run, attempt); },
        [this, attempt, number, answer](Result<sandbox::StartedReply> started) {
            const std::unique_ptr<Start> ended = std::move(starts_[attempt]);
            starts_.erase(attempt);
            (*answer)(reply_of(number, std::move(started)));
        });
    const Status begun = start->begin();
    if (begun)
        return;
    starts_.erase(attempt);
    (*answer)(error_reply(number, begun.error()));
}

void Operations::serve_one(std::uint64_t number, sandbox::StopRequest request, Reply reply) {
    abort_starts(request.attempt);
    const std::uint64_t id = next_++;
    std::unique_ptr<Stop>& stop = stops_[id];
    stop = std::make_unique<Stop>(
        context_,
        request,
        [this, run = request.attempt.run] { return is_idle(run); },
        [this, id, number, reply = std::move(reply)](
            Result<sandbox::StoppedReply> stopped) mutable {
            const std::unique_ptr<Stop> ended = std::move(stops_[id]);
            stops_.erase(id);
            reply(reply_of(number, std::move(stopped)));
        });
    stop->begin();
}

void Operations::serve_one(std::uint64_t number, sandbox::ListRequest request, Reply reply) {
    ++lists_;
    context_.units->list_scopes([this, number, request, reply = std::move(reply)](
                                    Result<std::vector<sandbox::ListEntry>> found) mutable {
        --lists_;
        if (!found)
            return reply(error_reply(number, found.error()));
        reply({number, list_page(request, *found)});
    });
}

void Operations::serve_one(std::uint64_t number, sandbox::SweepRequest request, Reply reply) {
    const std::uint64_t id = next_++;
    std::unique_ptr<Sweep>& sweep = sweeps_[id];
    sweep = std::make_unique<Sweep>(
        context_,
        std::move(request),
        [this](const sandbox::Attempt& attempt) { return is_starting(attempt); },
        [this](RunId run) { return is_idle(run); },
        [this, id, number, reply = std::move(reply)](Result<sandbox::SweptReply> swept) mutable {
            const std::unique_ptr<Sweep> ended = std::move(sweeps_[id]);
            sweeps_.erase(id);
            reply(reply_of(number, std::move(swept)));
        });
    sweep->begin();
}

bool Operations::is_idle(RunId run, const sandbox::Attempt& except) const {
    for (const auto& [attempt, start] : starts_)
        if (attempt.run == run && attempt != except)
            return false;
    const Result<std::vector<sandbox::Attempt>> scopes = context_.cgroups.scopes_of(run);
    if (!scopes)
        return false;
    return std::none_of(scopes->begin(), scopes->end(), [this](const sandbox::Attempt& attempt) {
        return has_processes(context_.cgroups.scope_directory(attempt));
    });
}

void Operations::abort_starts(const sandbox::Attempt& stopped) {
    for (const auto& [attempt, start] : starts_)
        if (attempt.run == stopped.run && (stopped.number == 0 || attempt == stopped))
            start->abort(
                {.code = Errc::cancelled, .message = "the run was stopped while it was started"});
}

void Operations::on_child_exit(pid_t process) {
    for (const auto& [attempt, start] : starts_)
        if (start->child() == process)
            start->on_child_exit();
}

} // namespace kheish::launcher
