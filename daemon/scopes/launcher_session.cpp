#include "scopes/launcher_session.hpp"

#include <algorithm>

namespace kheish::scopes {

namespace {

constexpr std::int64_t kMicrosecondsPerPercent = 10'000;

std::uint64_t amount(std::int64_t value) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
}

sandbox::Limits to_wire(const Limits& limits) {
    return {
        .memory_max_bytes = amount(limits.memory_max_bytes),
        .tasks_max = amount(limits.tasks_max),
        .cpu_weight = amount(limits.cpu_weight),
        .cpu_quota_us_per_second = amount(limits.cpu_quota_percent * kMicrosecondsPerPercent),
        .io_weight = amount(limits.io_weight),
        .runtime_max_us = amount(std::chrono::microseconds(limits.runtime_max).count())};
}

std::vector<std::string> names_of(const sandbox::Degraded& degraded) {
    std::vector<std::string> names;
    if (degraded.memory)
        names.emplace_back("memory");
    if (degraded.tasks)
        names.emplace_back("tasks");
    if (degraded.cpu)
        names.emplace_back("cpu");
    if (degraded.io)
        names.emplace_back("io");
    return names;
}

void fail_answer(
    std::variant<Responder<Launcher::Started>, Responder<void>>& pending, Error error) {
    std::visit([&error](auto& done) { done.fail(std::move(error)); }, pending);
}

} // namespace

Status LauncherSession::enqueue(sandbox::Request request) {
    if (pending_.size() >= kPendingLimit)
        return fail(Errc::rate_limited, "too many requests to the launcher are under way");
    request.number = next_;
    KHEISH_TRY(std::string message, sandbox::encode(request));
    unsent_.push_back(std::move(message));
    return {};
}

Status LauncherSession::start(const LaunchRequest& request, Responder<Launcher::Started>& done) {
    sandbox::StartRequest start{
        .journal = journal_,
        .attempt = {request.run, request.attempt},
        .run_as = request.run_as,
        .profile = request.profile,
        .workspace = request.workspace,
        .limits = to_wire(request.limits)};
    KHEISH_CHECK(enqueue({0, std::move(start)}));
    pending_.emplace(next_++, std::move(done));
    return {};
}

Status LauncherSession::stop(RunId run, int attempt, bool release, Responder<void>& done) {
    KHEISH_CHECK(enqueue({0, sandbox::StopRequest{{run, attempt}, release}}));
    pending_.emplace(next_++, std::move(done));
    return {};
}

Status
LauncherSession::sweep(const std::vector<std::pair<RunId, int>>& live, Responder<void>& done) {
    sandbox::SweepRequest sweep{journal_, {}};
    for (const auto& [run, attempt] : live)
        sweep.live.push_back({run, attempt});
    KHEISH_CHECK(enqueue({0, std::move(sweep)}));
    pending_.emplace(next_++, std::move(done));
    return {};
}

Status LauncherSession::receive(std::string_view message) {
    KHEISH_TRY(sandbox::Reply reply, sandbox::decode_reply(message));
    const std::map<std::uint64_t, Answer>::iterator found = pending_.find(reply.number);
    if (found == pending_.end())
        return fail(Errc::protocol_error, "the launcher replied to no request");
    Answer pending = std::move(found->second);
    pending_.erase(found);
    return answer(std::move(pending), std::move(reply));
}

Status LauncherSession::answer(Answer pending, sandbox::Reply reply) {
    if (Error* error = std::get_if<Error>(&reply.body)) {
        fail_answer(pending, std::move(*error));
        return {};
    }
    if (Responder<Launcher::Started>* done = std::get_if<Responder<Launcher::Started>>(&pending)) {
        if (sandbox::StartedReply* started = std::get_if<sandbox::StartedReply>(&reply.body)) {
            done->answer(Launcher::Started{
                std::move(started->slice_cgroup),
                std::move(started->socket),
                names_of(started->degraded)});
            return {};
        }
    } else if (
        std::holds_alternative<sandbox::StoppedReply>(reply.body) ||
        std::holds_alternative<sandbox::SweptReply>(reply.body)) {
        std::get<Responder<void>>(pending).answer({});
        return {};
    }
    const Error mixed{
        .code = Errc::protocol_error, .message = "the launcher replied with another kind"};
    fail_answer(pending, mixed);
    return fail(mixed);
}

void LauncherSession::fail_sent(const Error& error) {
    // Numbers go up in the order of sending, so what is unsent are the last ones.
    while (pending_.size() > unsent_.size()) {
        Answer pending = std::move(pending_.begin()->second);
        pending_.erase(pending_.begin());
        fail_answer(pending, error);
    }
}

void LauncherSession::fail_all(const Error& error) {
    unsent_.clear();
    fail_sent(error);
}

} // namespace kheish::scopes
