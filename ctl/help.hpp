#pragma once

#include "command.hpp"

#include <string>
#include <string_view>

/// Help texts, made from the command table, at most 80 columns wide.
namespace kheish::ctl {

/// Of the whole program, or of the commands that start with `group`.
std::string program_help(std::string_view group);
std::string command_help(const Command& command);

} // namespace kheish::ctl
