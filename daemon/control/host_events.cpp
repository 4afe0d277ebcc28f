// What happens to the machine, as far as runs notice it.

#include "base/log.hpp"
#include "control/control_plane.hpp"

#include <utility>

namespace kheish::control {

namespace {

/// Counted while the machine sleeps too: whoever has announced a sleep and says no more of it is
/// not waited for.
constexpr std::chrono::seconds kLongestNight{60};
/// Commits after which all is written that a run was told: one that was under way, and its own.
constexpr int kFlushRounds = 2;

bool is_work(engine::WaitReason reason) {
    return reason == engine::WaitReason::model || reason == engine::WaitReason::tools ||
           reason == engine::WaitReason::launch;
}

} // namespace

std::vector<std::shared_ptr<RunActor>> Supervisor::all_actors() const {
    std::vector<std::shared_ptr<RunActor>> all;
    all.reserve(actors_.size());
    for (const auto& [run, actor] : actors_)
        all.push_back(actor);
    return all;
}

void Supervisor::on_network_changed() {
    for (const std::shared_ptr<RunActor>& actor : all_actors())
        actor->on_network_changed();
}

void Supervisor::on_credential_changed(const std::string& name, bool gone) {
    for (const std::shared_ptr<RunActor>& actor : all_actors())
        if (outside_.routes.credential_of(actor->state().request.route) == name)
            actor->on_credential_changed(gone);
}

void Supervisor::on_subject_restored() {
    for (const std::shared_ptr<RunActor>& actor : all_actors())
        actor->on_credential_changed(false);
}

void Supervisor::before_sleep() {
    going_to_sleep_ = true;
    for (const std::shared_ptr<RunActor>& actor : all_actors())
        actor->on_sleep();
}

void Supervisor::after_sleep() {
    going_to_sleep_ = false;
    on_network_changed();
}

void Supervisor::set_work_listener(UniqueFunction<void(bool works)> listener) {
    work_listener_ = std::move(listener);
    if (work_listener_)
        work_listener_(!working_.empty());
}

void Supervisor::follow_work(const RunActor& actor) {
    const bool worked = !working_.empty();
    if (is_work(engine::wait_reason(actor.state())))
        working_.insert(actor.run());
    else
        working_.erase(actor.run());
    if (work_listener_ && worked == working_.empty())
        work_listener_(!worked);
}

void ControlPlane::on_network_changed() {
    supervisor_.on_network_changed();
}

void ControlPlane::before_sleep(Responder<void> ready) {
    log(Level::notice, "the machine goes to sleep; model calls are made again afterwards");
    supervisor_.before_sleep();
    night_ = outside_.timers.start(kLongestNight, [this] { after_sleep(); });
    flush(kFlushRounds, std::move(ready));
}

void ControlPlane::flush(int rounds, Responder<void> ready) {
    outside_.journal.submit(
        {},
        Responder<journal::Committed>([this, rounds, ready = std::move(ready)](
                                          const Result<journal::Committed>& committed) mutable {
            if (!committed)
                ready.fail(committed.error());
            else if (rounds > 1)
                flush(rounds - 1, std::move(ready));
            else
                ready.answer({});
        }));
}

void ControlPlane::after_sleep() {
    night_.reset();
    supervisor_.after_sleep();
}

} // namespace kheish::control
