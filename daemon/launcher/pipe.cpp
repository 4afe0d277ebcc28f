#include "launcher/pipe.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace kheish::launcher {

Result<Pipe> Pipe::make() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail_errno("making a pipe", errno);
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

} // namespace kheish::launcher
