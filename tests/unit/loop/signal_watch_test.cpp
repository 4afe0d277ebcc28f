#include "loop/signal_watch.hpp"

#include "loop_fixture.hpp"

#include <vector>

namespace kheish::loop {
namespace {

using SignalWatchTest = LoopTest;

TEST_F(SignalWatchTest, TurnsSignalsIntoCallbacks) {
    std::vector<int> seen;
    const Result<std::unique_ptr<SignalWatch>> watch = SignalWatch::open(
        loop(), {SIGUSR1, SIGUSR2}, [&seen](int number) { seen.push_back(number); });
    ASSERT_TRUE(watch.has_value());
    ASSERT_EQ(raise(SIGUSR1), 0);
    ASSERT_EQ(raise(SIGUSR2), 0);
    EXPECT_TRUE(turn_until([&seen] { return seen.size() == 2; }));
    EXPECT_EQ(seen, (std::vector<int>{SIGUSR1, SIGUSR2}));
}

TEST_F(SignalWatchTest, ACallbackMayDestroyTheWatchAndTheMaskComesBack) {
    std::unique_ptr<SignalWatch> watch;
    bool called = false;
    Result<std::unique_ptr<SignalWatch>> opened =
        SignalWatch::open(loop(), {SIGUSR1}, [&watch, &called](int) {
            watch.reset();
            called = true;
        });
    ASSERT_TRUE(opened.has_value());
    watch = std::move(*opened);
    ASSERT_EQ(raise(SIGUSR1), 0);
    EXPECT_TRUE(turn_until([&called] { return called; }));
    sigset_t mask;
    ASSERT_EQ(pthread_sigmask(SIG_BLOCK, nullptr, &mask), 0);
    EXPECT_EQ(sigismember(&mask, SIGUSR1), 0);
}

TEST_F(SignalWatchTest, RefusesWhatIsNoSignal) {
    const Result<std::unique_ptr<SignalWatch>> watch =
        SignalWatch::open(loop(), {1000}, [](int) {});
    ASSERT_FALSE(watch.has_value());
    EXPECT_EQ(watch.error().sys_errno, EINVAL);
}

} // namespace
} // namespace kheish::loop
