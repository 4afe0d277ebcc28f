#pragma once

#include "command.hpp"

#include <string>
#include <vector>

namespace kheish::ctl {

/// A command line, understood.
struct Arguments {
    const Command* command = nullptr; ///< null where the whole program's help is wanted
    std::string group;                ///< the first word, where help for its commands is wanted
    Invocation invocation;
    bool help = false;
    bool version = false;
};

/// Errc::bad_request with what is wrong.
Result<Arguments> parse_arguments(std::vector<std::string> words);

} // namespace kheish::ctl
