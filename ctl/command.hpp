#pragma once

#include "base/result.hpp"

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The command line as one table: what is parsed, what --help says and what completes.
namespace kheish::ctl {

class Session;

struct Option {
    std::string_view name;  ///< "--session-id"
    std::string_view value; ///< what --help calls its value; empty for a flag
    std::string_view help;
};

struct Positional {
    std::string_view name; ///< "RUN"
    std::string_view help;
    bool required = true;
};

/// What was given.
struct Invocation {
    std::map<std::string, std::string, std::less<>> values; ///< options and positionals by name
    std::set<std::string, std::less<>> flags;

    std::optional<std::string> value(std::string_view name) const;
    /// The value of a required positional.
    std::string required(std::string_view name) const { return value(name).value_or(""); }
    bool flag(std::string_view name) const { return flags.contains(name); }
};

struct Command {
    std::string_view words; ///< "runs list"
    std::string_view help;  ///< one line
    std::vector<Positional> positionals;
    std::vector<Option> options;
    /// The exit code, or why it went wrong.
    Result<int> (*run)(Session& session, const Invocation& invocation);
};

/// Options that every command takes, before or after its words.
std::span<const Option> global_options();

std::vector<Command> status_commands();
std::vector<Command> session_commands();
std::vector<Command> run_commands();
std::vector<Command> approval_commands();
std::vector<Command> grant_commands();
std::vector<Command> question_commands();
std::vector<Command> permission_commands();
std::vector<Command> token_commands();
std::vector<Command> secret_commands();
std::vector<Command> auth_commands();
std::vector<Command> audit_commands();
std::vector<Command> journal_commands();
std::vector<Command> one_shot_commands();
/// All of them.
const std::vector<Command>& commands();

} // namespace kheish::ctl
