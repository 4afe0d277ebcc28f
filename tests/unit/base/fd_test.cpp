#include "base/fd.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace kheish {
namespace {

struct Pipe {
    Fd read_end;
    Fd write_end;

    static Pipe make() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        return {Fd(ends[0]), Fd(ends[1])};
    }
};

TEST(Fd, ClosesAtTheEnd) {
    int number = -1;
    {
        const Pipe pipe = Pipe::make();
        number = pipe.read_end.get();
    }
    EXPECT_EQ(::fcntl(number, F_GETFD), -1);
    EXPECT_EQ(errno, EBADF);
}

TEST(Fd, MoveLeavesTheSourceEmpty) {
    Pipe pipe = Pipe::make();
    const Fd moved = std::move(pipe.read_end);
    EXPECT_FALSE(static_cast<bool>(pipe.read_end)); // NOLINT(bugprone-use-after-move)
    EXPECT_TRUE(static_cast<bool>(moved));
}

TEST(ReadAll, RefusesMoreThanTheLimit) {
    Pipe pipe = Pipe::make();
    ASSERT_TRUE(write_all(pipe.write_end.get(), "12345").has_value());
    pipe.write_end.reset();
    const Result<std::string> read = read_all(pipe.read_end.get(), 4);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, Errc::payload_too_large);
}

TEST(ReadAll, TakesExactlyTheLimit) {
    Pipe pipe = Pipe::make();
    ASSERT_TRUE(write_all(pipe.write_end.get(), "1234").has_value());
    pipe.write_end.reset();
    EXPECT_EQ(read_all(pipe.read_end.get(), 4).value(), "1234");
}

TEST(ReadFile, NamesTheMissingPath) {
    const Result<std::string> read = read_file("/nonexistent/kheish", 10);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, Errc::not_found);
    EXPECT_NE(read.error().message.find("/nonexistent/kheish"), std::string::npos);
}

} // namespace
} // namespace kheish
