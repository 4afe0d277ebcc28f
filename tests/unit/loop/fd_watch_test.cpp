#include "loop/fd_watch.hpp"

#include "loop_fixture.hpp"

#include <array>
#include <string>

#include <sys/socket.h>
#include <unistd.h>

namespace kheish::loop {
namespace {

class FdWatchTest : public LoopTest {
  protected:
    FdWatchTest() {
        std::array<int, 2> fds{};
        KHEISH_ASSERT(
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) == 0);
        near_ = Fd(fds[0]);
        far_ = Fd(fds[1]);
    }
    void send() { ASSERT_TRUE(write_all(far_.get(), "x").has_value()); }

    Fd near_;
    Fd far_;
};

TEST_F(FdWatchTest, CallsForWhatIsWatchedAndReadyOnly) {
    int reads = 0;
    int writes = 0;
    FdWatch watch(loop(), near_.get(), {.read = true}, [&reads, &writes](Interest ready) {
        reads += ready.read ? 1 : 0;
        writes += ready.write ? 1 : 0;
    });
    loop().turn(false);
    EXPECT_EQ(reads + writes, 0);
    send();
    loop().turn(true);
    loop().turn(true); // level-triggered
    EXPECT_EQ(reads, 2);
    EXPECT_EQ(writes, 0);
    watch.set_interest({.write = true});
    loop().turn(true);
    EXPECT_EQ(reads, 2);
    EXPECT_EQ(writes, 1);
    watch.set_interest({});
    loop().turn(false);
    EXPECT_EQ(reads + writes, 3);
    watch.set_interest({.read = true, .write = true});
    loop().turn(true);
    EXPECT_EQ(reads, 3);
    EXPECT_EQ(writes, 2);
}

TEST_F(FdWatchTest, ACallbackMayDestroyItsOwnWatchAndStillUseItsCaptures) {
    std::unique_ptr<FdWatch> watch;
    std::string seen;
    const std::string capture(100, 'y'); // on the heap, so that a use after free is seen
    watch = std::make_unique<FdWatch>(
        loop(), near_.get(), Interest{.read = true}, [&watch, &seen, capture](Interest) {
            watch.reset();
            seen += capture;
        });
    send();
    loop().turn(true);
    loop().turn(false);
    EXPECT_EQ(seen, capture);
}

TEST_F(FdWatchTest, ACallbackMayDestroyAnotherReadyWatch) {
    std::unique_ptr<FdWatch> first;
    std::unique_ptr<FdWatch> second;
    int calls = 0;
    const auto destroy_both = [&first, &second, &calls](Interest) {
        ++calls;
        first.reset();
        second.reset();
    };
    const Result<Fd> same = duplicate(near_);
    ASSERT_TRUE(same.has_value());
    first = std::make_unique<FdWatch>(loop(), near_.get(), Interest{.read = true}, destroy_both);
    second = std::make_unique<FdWatch>(loop(), same->get(), Interest{.read = true}, destroy_both);
    send();
    loop().turn(true);
    EXPECT_EQ(calls, 1);
}

TEST_F(FdWatchTest, AHangupIsReadable) {
    bool readable = false;
    const FdWatch watch(loop(), near_.get(), {.read = true}, [&readable](Interest ready) {
        readable = ready.read;
    });
    far_.reset();
    loop().turn(true);
    EXPECT_TRUE(readable);
}

} // namespace
} // namespace kheish::loop
