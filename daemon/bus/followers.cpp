#include "bus/followers.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>

namespace kheish::bus {

Result<Fd> Followers::follow(
    const control::Caller& caller,
    const control::StreamFilter& filter,
    std::optional<EventSeq> cursor) {
    const std::ptrdiff_t of_caller =
        std::count_if(pipes_.begin(), pipes_.end(), [&caller](const auto& entry) {
            return entry.second.uid == caller.uid;
        });
    if (pipes_.size() >= kLimit || static_cast<std::size_t>(of_caller) >= kPerUserLimit)
        return fail(Errc::rate_limited, "too many event streams are open");
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) < 0)
        return fail_errno("making a socket pair", errno);
    Fd ours(ends[0]);
    Fd theirs(ends[1]);
    KHEISH_CHECK(set_nonblocking(ours.get(), true));
    std::unique_ptr<EventPipe> pipe =
        std::make_unique<EventPipe>(loop_, timers_, std::move(ours), [this] { sweep_soon(); });
    KHEISH_TRY(
        std::unique_ptr<control::Subscription> subscription,
        service_.subscribe(caller, filter, cursor, pipe->handlers()));
    pipe->start(std::move(subscription));
    pipes_.emplace(++last_number_, Follower{.uid = caller.uid, .pipe = std::move(pipe)});
    return theirs;
}

void Followers::sweep_soon() {
    if (!sweep_timer_)
        sweep_timer_ = timers_.start(std::chrono::microseconds(0), [this] { sweep(); });
}

void Followers::sweep() {
    sweep_timer_.reset();
    std::erase_if(pipes_, [](const auto& entry) { return entry.second.pipe->done(); });
}

} // namespace kheish::bus
