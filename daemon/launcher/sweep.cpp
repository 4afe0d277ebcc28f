#include "launcher/sweep.hpp"

#include "base/log.hpp"

#include <algorithm>

namespace kheish::launcher {

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
    std::vector<sandbox::Attempt> victims = sweep_victims(request_, *found);
    std::erase_if(victims, [this](const sandbox::Attempt& attempt) { return starting_(attempt); });
    if (victims.empty()) {
        Done done = std::move(done_);
        return done(reply_);
    }
    pending_.insert(victims.begin(), victims.end());
    for (const sandbox::Attempt& attempt : victims) {
        log(Level::notice,
            "killing a scope that no run answers for",
            {{log_field::kUnit, run_scope_name(attempt.run, attempt.number)},
             {log_field::kMessageId, std::string(log_message::kOrphanScopeKilled)}});
        std::unique_ptr<Stop>& stop = stops_[attempt];
        stop = std::make_unique<Stop>(
            context_,
            sandbox::StopRequest{attempt, true},
            [this, run = attempt.run] { return alone_(run) && released_.insert(run).second; },
            [this, attempt](Result<sandbox::StoppedReply> stopped) {
                on_stopped(attempt, std::move(stopped));
            });
        stop->begin();
    }
}

void Sweep::on_stopped(const sandbox::Attempt& attempt, Result<sandbox::StoppedReply> stopped) {
    pending_.erase(attempt);
    if (stopped)
        ++reply_.scopes_killed;
    else if (!first_error_)
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
