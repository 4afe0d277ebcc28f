#pragma once

#include "session.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace kheish::ctl {

/// One line of a followed stream.
struct StreamFrame {
    std::int64_t id = 0; ///< 0: not journaled
    std::string event = {};
    codec::Json data = {};
};

/// Whether kheishd may answer the same question later: a restart looks like any of these for a
/// moment.
bool may_come_back(const Error& error);

/// An event stream that outlives kheishd: when it goes away, the stream is followed again from the
/// last id as soon as kheishd is back, without gap or duplicate.
class EventStream {
  public:
    static constexpr std::size_t kLineLimitBytes = std::size_t{16} << 20;
    /// How long a stream that worked waits for kheishd to come back.
    static constexpr std::chrono::minutes kReconnectPatience{10};
    static constexpr int kFirstRetryMs = 100;
    static constexpr int kLongestRetryMs = 2000;

    /// `follow` is a Follow() call; its options get the cursor.
    EventStream(Session& session, Call follow, std::optional<std::string> cursor);

    /// Follows. An error of the first attempt is the caller's to show.
    Status open();
    /// The next frame; nothing where none comes within `patience_ms` (-1: for ever), and nothing
    /// with `reopened()` set where kheishd was away in between.
    Result<std::optional<StreamFrame>> next(int patience_ms);
    /// Whether kheishd has been away since the last question.
    bool reopened() { return std::exchange(reopened_, false); }

  private:
    Status reopen();
    Result<bool> fill(int patience_ms);
    Result<std::optional<StreamFrame>> take_line();

    Session& session_;
    Call follow_;
    std::optional<std::string> cursor_;
    Fd stream_;
    std::string buffer_;
    bool reopened_ = false;
};

} // namespace kheish::ctl
