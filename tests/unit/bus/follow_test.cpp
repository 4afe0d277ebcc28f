#include "bus_fixture.hpp"

#include "base/assert.hpp"
#include "base/text.hpp"
#include "codec/json.hpp"

#include <poll.h>

namespace kheish::bus {
namespace {

using codec::Json;

class BusFollow : public BusTest {
  protected:
    /// What can be read now, appended to `text`; false at the end of the stream.
    static bool read_now(const Fd& fd, std::string& text) {
        std::array<char, 65536> bytes{};
        for (;;) {
            const ssize_t count = recv(fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
            if (count == 0)
                return false;
            if (count < 0)
                return true;
            text.append(bytes.data(), static_cast<std::size_t>(count));
        }
    }
    std::vector<Json> lines(const Fd& fd, std::size_t count) {
        std::string text;
        EXPECT_TRUE(turn_until([&fd, &text, count] {
            read_now(fd, text);
            return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) >= count;
        }));
        std::vector<Json> parsed;
        for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
            parsed.push_back(codec::parse_json(text.substr(0, end)).value());
            text.erase(0, end + 1);
        }
        return parsed;
    }
};

TEST_F(BusFollow, ReplaysFromTheCursorAndGoesOnLive) {
    const std::string run = submit(create_session("demo"), "hold");
    const Fd stream = call(run, kRunInterface, "Follow", option("cursor", "0")).fd();
    std::vector<Json> frames = lines(stream, 2);
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames[0].find("id")->integer(), 1);
    EXPECT_EQ(frames[0].find("event")->string(), "run_updated");
    EXPECT_EQ(frames[0].find("data")->find("run")->find("status")->string(), "queued");
    service_.send_transient("thinking");
    frames = lines(stream, 1);
    EXPECT_FALSE(frames[0].find("id"));
    EXPECT_EQ(frames[0].find("data")->find("text")->string(), "thinking");
    service_.finish(RunId{1});
    frames = lines(stream, 3);
    ASSERT_EQ(frames.size(), 3U);
    EXPECT_EQ(frames[2].find("id")->integer(), 5);
}

TEST_F(BusFollow, FiltersAndStartsAtTheEndWithoutACursor) {
    const std::string one = create_session("one");
    const std::string two = create_session("two");
    submit(one, "hold");
    submit(two, "hold");
    const Fd all = call(kRootPath, kManagerInterface, "Follow", number_option("cursor", 0)).fd();
    const Fd session = call(one, kSessionInterface, "Follow", no_options()).fd();
    const Fd run = call(kRootPath, kManagerInterface, "Follow", option("run", "run-2")).fd();
    EXPECT_EQ(lines(all, 4).size(), 4U);
    service_.finish_all();
    EXPECT_EQ(lines(session, 3).size(), 3U);
    EXPECT_EQ(lines(run, 3).at(0).find("id")->integer(), 8);
}

TEST_F(BusFollow, RefusesBadCursorsAndNames) {
    const auto error_of = [this](const Append& append) {
        return call(kRootPath, kManagerInterface, "Follow", append).error;
    };
    EXPECT_EQ(error_of(option("cursor", "soon")), error_name(Errc::invalid_event_cursor));
    EXPECT_EQ(error_of(option("run", "17")), error_name(Errc::bad_request));
    EXPECT_EQ(error_of(option("run", "run-17")), error_name(Errc::run_not_found));
    EXPECT_EQ(error_of(option("session", "nope")), error_name(Errc::session_not_found));
    EXPECT_EQ(error_of(option("run_id", "run-1")), error_name(Errc::unknown_field));
}

TEST_F(BusFollow, AReaderThatGoesEndsItsSubscription) {
    const std::string run = submit(create_session("demo"), "hold");
    Fd stream = call(run, kRunInterface, "Follow", no_options()).fd();
    EXPECT_EQ(service_.subscriptions(), 1U);
    stream.reset();
    EXPECT_TRUE(turn_until([this] { return service_.subscriptions() == 0; }));
    EXPECT_EQ(edge_->followers().size(), 0U);
}

TEST_F(BusFollow, AReaderThatWritesIsDropped) {
    const std::string run = submit(create_session("demo"), "hold");
    const Fd stream = call(run, kRunInterface, "Follow", no_options()).fd();
    ASSERT_EQ(::send(stream.get(), "x", 1, MSG_NOSIGNAL), 1);
    EXPECT_TRUE(turn_until([this] { return service_.subscriptions() == 0; }));
    std::string text;
    EXPECT_FALSE(read_now(stream, text));
}

TEST_F(BusFollow, ASlowReaderLosesNothingAndCostsOneBuffer) {
    const std::string run = submit(create_session("demo"), "hold");
    const Fd stream = call(run, kRunInterface, "Follow", option("cursor", "0")).fd();
    const std::string filler(10'000, 'x');
    for (int i = 0; i < 200; ++i)
        service_.add_frame(RunId{1}, "trace", Json::object({{"filler", filler}}));
    // Far more than a socket holds: the rest stays where it is.
    const std::vector<Json> frames = lines(stream, 202);
    ASSERT_EQ(frames.size(), 202U);
    for (std::size_t i = 0; i < frames.size(); ++i)
        EXPECT_EQ(frames[i].find("id")->integer(), static_cast<std::int64_t>(i + 1));
}

TEST_F(BusFollow, StreamsOfOneUserAreBounded) {
    const std::string run = submit(create_session("demo"), "hold");
    std::vector<Fd> streams;
    for (std::size_t i = 0; i < Followers::kPerUserLimit; ++i)
        streams.push_back(call(run, kRunInterface, "Follow", no_options()).fd());
    EXPECT_EQ(
        call(run, kRunInterface, "Follow", no_options()).error, error_name(Errc::rate_limited));
    streams.pop_back();
    ASSERT_TRUE(
        turn_until([this] { return edge_->followers().size() < Followers::kPerUserLimit; }));
    EXPECT_EQ(call(run, kRunInterface, "Follow", no_options()).error, "");
}

/// Fires when told to.
class HandTimers final : public Timers {
  public:
    class HandTimer final : public Timer {
      public:
        HandTimer(HandTimers& owner, UniqueFunction<void()> fire)
            : owner_(owner), fire_(std::move(fire)) {
            owner_.last = this;
        }
        ~HandTimer() override {
            if (owner_.last == this)
                owner_.last = nullptr;
        }
        void fire() {
            UniqueFunction<void()> function = std::move(fire_);
            function();
        }

      private:
        HandTimers& owner_;
        UniqueFunction<void()> fire_;
    };
    std::unique_ptr<Timer>
    start(std::chrono::microseconds delay, UniqueFunction<void()> fire) override {
        last_delay = delay;
        return std::make_unique<HandTimer>(*this, std::move(fire));
    }
    std::unique_ptr<Timer> start_at_wall(std::int64_t, UniqueFunction<void()>) override {
        KHEISH_ASSERT(false); // nobody here waits for the calendar
    }
    HandTimer* last = nullptr;
    std::chrono::microseconds last_delay{};
};

TEST_F(BusFollow, AReaderWithoutProgressIsDroppedAfterTheStallTime) {
    const std::string run = submit(create_session("demo"), "hold");
    HandTimers hand;
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    const Fd reader(ends[1]);
    bool done = false;
    EventPipe pipe(loop(), hand, Fd(ends[0]), [&done] { done = true; });
    pipe.start(service_.subscribe(control::Caller::daemon(), {}, 0, pipe.handlers()).value());
    for (int i = 0; i < 300; ++i)
        service_.add_frame(RunId{1}, "trace", Json::object({{"f", std::string(10'000, 'x')}}));
    ASSERT_NE(hand.last, nullptr);
    EXPECT_EQ(hand.last_delay, EventPipe::kStallTimeout);
    std::string text;
    read_now(reader, text);
    const std::size_t before = text.size();
    ASSERT_TRUE(turn_until([&reader, &text, before] {
        read_now(reader, text);
        return text.size() > before;
    }));
    hand.last->fire();
    EXPECT_FALSE(done); // it took something
    ASSERT_NE(hand.last, nullptr);
    hand.last->fire();
    EXPECT_TRUE(done);
    EXPECT_TRUE(pipe.done());
}

} // namespace
} // namespace kheish::bus
