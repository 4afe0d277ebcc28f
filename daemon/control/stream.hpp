#pragma once

#include "base/ids.hpp"
#include "base/unique_function.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kheish::control {

/// One frame of an event stream, the same on SSE and on a followed file descriptor.
struct Frame {
    EventSeq id = 0; ///< the journal's sequence number; 0 for what is not journaled (text deltas)
    std::string_view event; ///< "run_updated", "trace", ...; static storage
    std::string data;       ///< one JSON object, without a line break
};

struct StreamFilter {
    std::optional<SessionId> session;
    std::optional<RunId> run;
};

/// A reader of the journal that goes on where the journal ends. It holds a position, not a queue:
/// what has not been read yet stays in the journal, so a slow reader costs nothing and no restart
/// makes a gap or a duplicate.
class Subscription {
  public:
    Subscription() = default;
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    virtual ~Subscription() = default;

    /// The next frames after the position, at most about `limit_bytes` of data but at least one if
    /// there is one; moves the position behind them. Empty: nothing more for now.
    virtual std::vector<Frame> read(std::size_t limit_bytes) = 0;
    /// The journal sequence number up to which everything has been read.
    virtual EventSeq position() const = 0;
};

/// Callbacks of a subscription, from the loop, never from within subscribe() or read().
struct SubscriptionHandlers {
    /// There is something to read, after a read() that came back empty.
    UniqueFunction<void()> on_available;
    /// A frame that is not journaled (model text as it streams). Drop it freely.
    UniqueFunction<void(const Frame&)> on_transient;
};

} // namespace kheish::control
