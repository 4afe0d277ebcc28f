#include "control/event_hub.hpp"

#include "base/log.hpp"
#include "control/conversions.hpp"

#include <algorithm>
#include <utility>

namespace kheish::control {

class EventHub::Reader final : public Subscription {
  public:
    Reader(
        EventHub& hub,
        Caller caller,
        StreamFilter filter,
        EventSeq position,
        SubscriptionHandlers handlers)
        : hub_(&hub), caller_(std::move(caller)), filter_(std::move(filter)), position_(position),
          handlers_(std::move(handlers)) {}

    ~Reader() override {
        if (hub_ != nullptr)
            hub_->remove(this);
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    std::vector<Frame> read(std::size_t limit_bytes) override;
    EventSeq position() const override { return position_; }

    bool wants(RunId run, const SessionId& session) const {
        return (!filter_.run || *filter_.run == run) &&
               (!filter_.session || *filter_.session == session) &&
               hub_->may_see_(caller_, session);
    }
    void wake() {
        if (std::exchange(drained_, false) && handlers_.on_available)
            handlers_.on_available();
    }
    void send_transient(const Frame& frame) {
        if (handlers_.on_transient)
            handlers_.on_transient(frame);
    }
    void detach() { hub_ = nullptr; }

  private:
    bool read_cached(std::size_t limit_bytes, std::size_t& bytes, std::vector<Frame>& frames);
    bool read_page(std::size_t limit_bytes, std::size_t& bytes, std::vector<Frame>& frames);

    EventHub* hub_;
    Caller caller_;
    StreamFilter filter_;
    EventSeq position_;
    SubscriptionHandlers handlers_;
    bool drained_ = true; ///< everything has been read: a new event wakes
};

/// True where everything there is has been looked at.
bool EventHub::Reader::read_cached(
    std::size_t limit_bytes, std::size_t& bytes, std::vector<Frame>& frames) {
    const std::deque<CachedFrame>& cache = hub_->cache_;
    auto next = std::upper_bound(
        cache.begin(), cache.end(), position_, [](EventSeq position, const CachedFrame& cached) {
            return position < cached.frame.id;
        });
    for (; next != cache.end(); ++next) {
        if (!frames.empty() && bytes >= limit_bytes)
            return false;
        position_ = next->frame.id;
        if (!wants(next->run, next->session))
            continue;
        bytes += next->frame.data.size();
        frames.push_back(next->frame);
    }
    return true;
}

/// False where reading is over for now: enough, nothing more, or the journal fails.
bool EventHub::Reader::read_page(
    std::size_t limit_bytes, std::size_t& bytes, std::vector<Frame>& frames) {
    const EventSeq newest = hub_->journal_.newest_seq();
    const journal::EventFilter filter{.session = filter_.session, .run = filter_.run};
    const Result<journal::Page<journal::StoredEvent>> page =
        hub_->journal_.events(position_, filter, kPageEvents);
    if (!page) {
        log(Level::error,
            "an event stream cannot read the journal",
            {{log_field::kError, page.error().to_string()}});
        return false;
    }
    for (const journal::StoredEvent& stored : page->items) {
        if (!frames.empty() && bytes >= limit_bytes)
            return false;
        position_ = stored.seq;
        const Result<engine::Event> event = to_event(stored);
        if (!event || !wants(event->run, event->session))
            continue; // an event of a newer program has no frame in this one
        frames.push_back(frame_of(*event, hub_->views_));
        bytes += frames.back().data.size();
    }
    if (page->has_more)
        return true;
    position_ = std::max(position_, newest); // nothing of interest lies in between
    drained_ = true;
    return false;
}

std::vector<Frame> EventHub::Reader::read(std::size_t limit_bytes) {
    std::vector<Frame> frames;
    if (hub_ == nullptr)
        return frames;
    std::size_t bytes = 0;
    for (;;) {
        const std::deque<CachedFrame>& cache = hub_->cache_;
        if (!cache.empty() && cache.front().frame.id <= position_ + 1) {
            drained_ = read_cached(limit_bytes, bytes, frames);
            return frames;
        }
        if (!read_page(limit_bytes, bytes, frames))
            return frames;
    }
}

EventHub::EventHub(const journal::Journal& journal, FrameViews views, MaySee may_see)
    : journal_(journal), views_(std::move(views)), may_see_(std::move(may_see)) {}

EventHub::~EventHub() {
    for (Reader* reader : subscribers_)
        reader->detach();
}

std::unique_ptr<Subscription> EventHub::subscribe(
    Caller caller,
    StreamFilter filter,
    std::optional<EventSeq> cursor,
    SubscriptionHandlers handlers) {
    const EventSeq newest = journal_.newest_seq();
    const EventSeq position = cursor ? std::min(*cursor, newest) : newest;
    auto reader = std::make_unique<Reader>(
        *this, std::move(caller), std::move(filter), position, std::move(handlers));
    subscribers_.insert(reader.get());
    return reader;
}

void EventHub::announce(const std::vector<engine::Event>& events) {
    // Rendered once for all. Without subscribers nobody pays: the cache then has a hole, so it
    // goes.
    if (subscribers_.empty()) {
        cache_.clear();
        return;
    }
    for (const engine::Event& event : events) {
        if (!cache_.empty() && cache_.back().frame.id + 1 != event.seq)
            cache_.clear();
        cache_.push_back({event.session, event.run, frame_of(event, views_)});
        if (cache_.size() > kCachedFrames)
            cache_.pop_front();
    }
    // A woken subscriber may end its subscription, or another's.
    const std::vector<Reader*> readers(subscribers_.begin(), subscribers_.end());
    for (Reader* reader : readers)
        if (subscribers_.contains(reader))
            reader->wake();
}

void EventHub::send_transient(RunId run, const SessionId& session, const Frame& frame) {
    const std::vector<Reader*> readers(subscribers_.begin(), subscribers_.end());
    for (Reader* reader : readers)
        if (subscribers_.contains(reader) && reader->wants(run, session))
            reader->send_transient(frame);
}

void EventHub::remove(Reader* reader) {
    subscribers_.erase(reader);
}

} // namespace kheish::control
