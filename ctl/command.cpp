#include "command.hpp"

#include <array>

namespace kheish::ctl {

namespace {

std::vector<Command> all_commands() {
    std::vector<Command> all;
    for (std::vector<Command> (*const group)() :
         {status_commands,
          one_shot_commands,
          session_commands,
          run_commands,
          approval_commands,
          grant_commands,
          question_commands,
          permission_commands,
          token_commands,
          secret_commands,
          auth_commands,
          audit_commands,
          journal_commands})
        for (Command& command : group())
            all.push_back(std::move(command));
    return all;
}

} // namespace

std::optional<std::string> Invocation::value(std::string_view name) const {
    const auto found = values.find(name); // NOLINT(readability-qualified-auto): an iterator
    return found == values.end() ? std::nullopt : std::optional(found->second);
}

std::span<const Option> global_options() {
    static constexpr std::array kOptions{
        Option{"--output", "FORMAT", "pretty (default) or json"},
        Option{"--host", "[USER@]HOST", "Talk to kheishd on another host over ssh"},
        Option{"--no-ask-password", "", "Never ask for a password"},
        Option{"--help", "", "Show this help"},
        Option{"--version", "", "Show the version"},
    };
    return kOptions;
}

const std::vector<Command>& commands() {
    static const std::vector<Command> table = all_commands();
    return table;
}

} // namespace kheish::ctl
