#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

namespace kheish::launcher {

/// pipe2(2), both ends close-on-exec.
struct Pipe {
    Fd read_end;
    Fd write_end;

    static Result<Pipe> make();
};

} // namespace kheish::launcher
