#include "sim_journal.hpp"

#include <algorithm>
#include <utility>

namespace kheish::sim {

using journal::Committed;

void SimJournal::submit(journal::Write write, Responder<Committed> done) {
    queue_.push_back({std::move(write), std::move(done), std::nullopt});
}

void SimJournal::bury() {
    dead_ = true;
    // Answers may lead to more writes of a daemon that does not know that it is dead.
    for (int round = 0; round < 3; ++round)
        std::exchange(queue_, {}).clear();
}

Status SimJournal::commit() {
    std::deque<Pending> batch = std::exchange(queue_, {});
    if (std::exchange(fails_next_, false)) {
        for (Pending& pending : batch)
            pending.outcome = fail(Errc::storage_full, "simulated: no space left");
        answer(batch);
        return fail(Errc::storage_full, "simulated: no space left");
    }
    if (acts_first_)
        answer_starts_early(batch);
    if (dead_)
        return {};
    for (Pending& pending : batch)
        inner_->submit(
            std::move(pending.write), Responder<Committed>([&pending](Result<Committed> outcome) {
                pending.outcome = std::move(outcome);
            }));
    const Status status = inner_->commit();
    if (on_durable_)
        on_durable_();
    answer(batch);
    return status;
}

void SimJournal::answer(std::deque<Pending>& batch) {
    std::size_t answered = 0;
    for (Pending& pending : batch) {
        if (die_after_ && answered >= *die_after_)
            dead_ = true;
        if (!pending.done)
            continue; // answered early
        if (dead_) {
            queue_.push_back(std::move(pending)); // for bury()
            continue;
        }
        ++answered;
        pending.done.answer(pending.outcome.value_or(fail(Errc::internal, "no outcome")));
    }
    if (die_after_)
        dead_ = true;
}

void SimJournal::answer_starts_early(std::deque<Pending>& batch) {
    EventSeq next = inner_->newest_seq() + 1;
    for (Pending& pending : batch) {
        const EventSeq first = next;
        next += static_cast<EventSeq>(pending.write.events.size());
        const bool starts = std::any_of(
            pending.write.events.begin(),
            pending.write.events.end(),
            [](const journal::NewEvent& event) { return event.type == "tool.started"; });
        if (starts)
            pending.done.answer(Committed{first, next - 1});
    }
    if (die_after_)
        dead_ = true;
}

} // namespace kheish::sim
