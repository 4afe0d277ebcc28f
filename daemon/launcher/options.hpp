#pragma once

#include "base/result.hpp"

#include <span>
#include <string>

namespace kheish::launcher {

/// The command line, which root writes in the unit file.
struct Options {
    std::string service_user = "kheish";
    std::string agent_user = "kheish-agent";
    std::string runner = "/usr/libexec/kheish/kheish-runner";
    std::string bubblewrap = "/usr/bin/bwrap";
    std::string channel_directory = "/run/kheish/runs";
    bool help = false;
    bool version = false;
};

extern const char* const kUsage;

/// `--name VALUE` or `--name=VALUE`; anything else is Errc::invalid_argument.
Result<Options> parse_options(std::span<char* const> arguments);

} // namespace kheish::launcher
