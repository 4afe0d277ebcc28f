#include "launcher/stop.hpp"

#include "launcher/channel_socket.hpp"

#include <algorithm>

namespace kheish::launcher {

Stop::Stop(Context& context, sandbox::StopRequest request, UniqueFunction<bool()> alone, Done done)
    : context_(context), request_(request), alone_(std::move(alone)), done_(std::move(done)),
      self_(std::make_shared<Stop*>(this)) {}

void Stop::begin() {
    const sandbox::Attempt& attempt = request_.attempt;
    const bool whole_run = attempt.number == 0;
    // A list that cannot be read only leaves the count of the reply at 0.
    const std::vector<sandbox::Attempt> found =
        context_.cgroups.scopes_of(attempt.run).value_or(std::vector<sandbox::Attempt>());
    scopes_ = static_cast<std::uint32_t>(
        whole_run ? static_cast<std::ptrdiff_t>(found.size())
                  : std::count(found.begin(), found.end(), attempt));
    std::string directory = whole_run ? context_.cgroups.slice_directory(attempt.run)
                                      : context_.cgroups.scope_directory(attempt);
    drain_ = std::make_unique<Drain>(context_.event, std::move(directory), [this](Status status) {
        on_drained(std::move(status));
    });
}

void Stop::on_drained(Status drained) {
    if (!drained || !alone_())
        return finish(std::move(drained));
    const Status removed = remove_channel(context_.channel_directory, request_.attempt.run);
    if (!removed || !request_.release)
        return finish(removed);
    std::weak_ptr<Stop*> self = self_;
    context_.units->stop_unit(run_slice_name(request_.attempt.run), [self](Status stopped) {
        if (const std::shared_ptr<Stop*> stop = self.lock())
            (*stop)->finish(std::move(stopped));
    });
}

void Stop::finish(Status status) {
    Done done = std::move(done_);
    if (!status)
        return done(fail(std::move(status).error()));
    done(sandbox::StoppedReply{scopes_});
}

} // namespace kheish::launcher
