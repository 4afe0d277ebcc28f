#pragma once

#include <string>

namespace kheish::control {

/// A request that an edge refused before it was known who asks.
struct AuthenticationFailure {
    std::string reason; ///< the error's code
    std::string peer;   ///< where it came from
    std::string method;
    std::string path;     ///< escaped, without the query
    bool limited = false; ///< the one with which that peer's tries are used up
};

} // namespace kheish::control
