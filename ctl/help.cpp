#include "help.hpp"

#include <algorithm>

namespace kheish::ctl {

namespace {

constexpr std::size_t kColumn = 30;

/// "  left     right", the right part at its column.
void add_row(std::string& text, std::string_view left, std::string_view right) {
    text.append("  ").append(left);
    const std::size_t width = left.size() + 2;
    if (width + 2 > kColumn)
        text.append("\n").append(kColumn, ' ');
    else
        text.append(kColumn - width, ' ');
    text.append(right).append("\n");
}

void add_options(std::string& text, std::span<const Option> options) {
    for (const Option& option : options) {
        std::string left(option.name == "--host" ? "-H, --host" : option.name);
        if (!option.value.empty())
            left.append(" ").append(option.value);
        add_row(text, left, option.help);
    }
}

std::string usage_of(const Command& command) {
    std::string usage(command.words);
    for (const Positional& positional : command.positionals) {
        const std::string name(positional.name);
        usage += positional.required ? " " + name : " [" + name + "]";
    }
    return usage;
}

} // namespace

std::string program_help(std::string_view group) {
    std::string text = "Usage: kheishctl [OPTION...] ";
    text.append(group.empty() ? "COMMAND" : std::string(group) + " COMMAND")
        .append(" [ARGUMENT...]\n\nDrive agent runs of kheishd over D-Bus.\n\nCommands:\n");
    for (const Command& command : commands())
        if (group.empty() || command.words.starts_with(std::string(group) + " "))
            add_row(text, usage_of(command), command.help);
    text += "\nOptions, before or after the command:\n";
    add_options(text, global_options());
    text += "\nExit codes: 0 done, 1 failed, 2 bad request, 3 kheishd unreachable, 4 not\n"
            "allowed, 5 not found, 6 conflict or cancelled, 7 try again later, 8 kheishd\n"
            "speaks another version.\n";
    return text;
}

std::string command_help(const Command& command) {
    std::string text = "Usage: kheishctl " + usage_of(command) + " [OPTION...]\n\n";
    text.append(command.help).append("\n");
    if (!command.positionals.empty())
        text += "\nArguments:\n";
    for (const Positional& positional : command.positionals)
        add_row(text, positional.name, positional.help);
    text += "\nOptions:\n";
    add_options(text, command.options);
    add_options(text, global_options());
    return text;
}

} // namespace kheish::ctl
