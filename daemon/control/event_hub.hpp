#pragma once

#include "control/caller.hpp"
#include "control/frames.hpp"
#include "journal/journal.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>

namespace kheish::control {

/// Hands journal events to subscribers as frames. Frames of the newest events are kept rendered, so
/// that a thousand subscribers cost one rendering; whoever is further behind reads the journal.
class EventHub {
  public:
    /// `may_see` decides whether `caller` may see `session`'s events.
    using MaySee = std::function<bool(const Caller& caller, const SessionId& session)>;

    EventHub(const journal::Journal& journal, FrameViews views, MaySee may_see);
    ~EventHub();
    EventHub(const EventHub&) = delete;
    EventHub& operator=(const EventHub&) = delete;

    /// The subscription must not outlive the hub's owner; it may outlive the hub and is then empty.
    std::unique_ptr<Subscription> subscribe(
        Caller caller,
        StreamFilter filter,
        std::optional<EventSeq> cursor,
        SubscriptionHandlers handlers);

    /// New events are committed: wakes whoever has read everything.
    void announce(const std::vector<engine::Event>& events);
    /// For whoever follows the run, now.
    void send_transient(RunId run, const SessionId& session, const Frame& frame);
    std::size_t subscriber_count() const { return subscribers_.size(); }

    static constexpr std::size_t kCachedFrames = 1024;
    static constexpr std::size_t kPageEvents = 200;

  private:
    class Reader;
    struct CachedFrame {
        SessionId session;
        RunId run;
        Frame frame;
    };

    void remove(Reader* reader);

    const journal::Journal& journal_;
    FrameViews views_;
    MaySee may_see_;
    std::deque<CachedFrame> cache_;
    std::set<Reader*> subscribers_;
};

} // namespace kheish::control
