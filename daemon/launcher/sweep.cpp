#include "launcher/sweep.hpp"

#include "base/log.hpp"
#include "launcher/channel_socket.hpp"

#include <algorithm>

namespace kheish::launcher {

namespace {

bool names_run(const sandbox::SweepRequest& request, RunId run) {
    return std::any_of(
        request.live.begin(), request.live.end(), [run](const sandbox::Attempt& attempt) {
            return attempt.run == run;
        });
}

} // namespace

std::vector<sandbox::Attempt>
sweep_victims(const sandbox::SweepRequest& request, const std::vector<sandbox::ListEntry>& found) {
    std::vector<sandbox::Attempt> victims;
    for (const sandbox::ListEntry& entry : found) {
        const bool named = std::find(request.live.begin(), request.live.end(), entry.attempt) !=
                           request.live.end();
        if (!named || entry.journal != request.journal)
            victims.push_back(entry.attempt);
    }
    return victims;
}

std::vector<RunId> slice_victims(
    const sandbox::SweepRequest& request,
    const std::vector<sandbox::ListEntry>& found,
    const std::vector<RunId>& slices) {
    // A full list may not name all that live.
    if (request.live.size() >= sandbox::kSweepLiveRunsLimit)
        return {};
    std::set<RunId> occupied;
    for (const sandbox::ListEntry& entry : found)
        occupied.insert(entry.attempt.run);
    std::vector<RunId> victims;
    for (const RunId run : slices)
        if (!occupied.contains(run) && !names_run(request, run))
            victims.push_back(run);
    return victims;
}

Sweep::Sweep(
    Context& context, sandbox::SweepRequest request, Starting starting, Alone alone, Done done)
    : context_(context), request_(std::move(request)), starting_(std::move(starting)),
      alone_(std::move(alone)), done_(std::move(done)), self_(std::make_shared<Sweep*>(this)) {}

void Sweep::begin() {
    std::weak_ptr<Sweep*> self = self_;
    context_.units->list_scopes([self](Result<std::vector<sandbox::ListEntry>> found) {
        if (const std::shared_ptr<Sweep*> sweep = self.lock())
            (*sweep)->on_list(std::move(found));
    });
}

void Sweep::on_list(Result<std::vector<sandbox::ListEntry>> found) {
    if (!found) {
        Done done = std::move(done_);
        return done(fail(std::move(found).error()));
    }
    const Result<std::vector<RunId>> slices = context_.cgroups.slices();
    if (!slices) {
        Done done = std::move(done_);
        return done(fail(slices.error()));
    }
    std::vector<sandbox::Attempt> victims = sweep_victims(request_, *found);
    std::erase_if(victims, [this](const sandbox::Attempt& attempt) { return starting_(attempt); });
    std::vector<RunId> leftovers = slice_victims(request_, *found, *slices);
    std::erase_if(leftovers, [this](RunId run) { return !alone_(run); });
    if (victims.empty() && leftovers.empty()) {
        Done done = std::move(done_);
        return done(reply_);
    }
    // All of them first: a stop may be over before it returns.
    pending_.insert(victims.begin(), victims.end());
    for (const RunId run : leftovers)
        pending_.insert({run, 0});
    const std::weak_ptr<Sweep*> self = self_;
    for (const sandbox::Attempt& attempt : victims)
        if (!self.expired())
            stop(attempt);
    for (const RunId run : leftovers)
        if (!self.expired())
            release(run);
}

void Sweep::stop(const sandbox::Attempt& attempt) {
    log(Level::notice,
        "killing a scope that no run answers for",
        {{log_field::kUnit, run_scope_name(attempt.run, attempt.number)},
         {log_field::kMessageId, std::string(log_message::kOrphanScopeKilled)}});
    const bool is_over = !names_run(request_, attempt.run);
    std::unique_ptr<Stop>& stop = stops_[attempt];
    stop = std::make_unique<Stop>(
        context_,
        sandbox::StopRequest{attempt, is_over},
        [this, run = attempt.run, is_over] {
            return alone_(run) && (!is_over || released_.insert(run).second);
        },
        [this, attempt](Result<sandbox::StoppedReply> stopped) {
            on_stopped(attempt, std::move(stopped));
        });
    stop->begin();
}

/// Kills nothing: what is started meanwhile keeps its scope, and the manager makes the slice again.
void Sweep::release(RunId run) {
    log(Level::notice,
        "releasing the slice of a run that is over",
        {{log_field::kUnit, run_slice_name(run)}});
    released_.insert(run);
    const sandbox::Attempt attempt{run, 0};
    if (Status removed = remove_channel(context_.channel_directory, run); !removed)
        return on_stopped(attempt, fail(std::move(removed).error()));
    std::weak_ptr<Sweep*> self = self_;
    context_.units->stop_unit(run_slice_name(run), [self, attempt](const Status& stopped) {
        const std::shared_ptr<Sweep*> sweep = self.lock();
        if (!sweep)
            return;
        if (stopped)
            return (*sweep)->on_stopped(attempt, sandbox::StoppedReply{});
        (*sweep)->on_stopped(attempt, fail(stopped.error()));
    });
}

void Sweep::on_stopped(const sandbox::Attempt& attempt, Result<sandbox::StoppedReply> stopped) {
    pending_.erase(attempt);
    if (stopped && attempt.number != 0)
        ++reply_.scopes_killed;
    else if (!stopped && !first_error_)
        first_error_ = std::move(stopped).error();
    if (!pending_.empty())
        return;
    reply_.slices_released = static_cast<std::uint32_t>(released_.size());
    Done done = std::move(done_);
    if (first_error_)
        return done(fail(std::move(*first_error_)));
    done(reply_);
}

} // namespace kheish::launcher
