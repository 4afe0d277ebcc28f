#pragma once

#include "base/result.hpp"

#include <span>
#include <string>

namespace kheish {

/// The command line of kheishd.
struct Options {
    enum class Action { serve, check_configuration, version, help };
    Action action = Action::serve;
    std::string configuration_directory; ///< empty: /etc/kheish over /usr/lib/kheish
    std::string state_directory;         ///< empty: $STATE_DIRECTORY, else the configuration's
    std::string listen;                  ///< socket to bind where systemd passes none
    enum class Bus { system, session, none };
    Bus bus = Bus::system;
};

extern const char* const kUsage;

/// Errc::invalid_argument names what is wrong.
Result<Options> parse_options(std::span<char* const> arguments);

} // namespace kheish
