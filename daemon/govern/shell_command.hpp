#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kheish::govern {

/// What a script for bash(1) runs, as far as that can be told by reading it.
struct ShellScript {
    /// Its simple commands in order, those of substitutions too: words without their quotes.
    std::vector<std::vector<std::string>> commands;
    /// The words are what bash will see, and there is nothing beside the commands: no expansion,
    /// substitution, redirection (but to /dev/null or another descriptor), assignment or control
    /// structure. Only then a rule can say what the script may do.
    bool is_plain = true;
    /// What its words would run if they were scripts themselves, as behind `bash -c`.
    std::vector<std::vector<std::string>> hidden;
    bool may_hide_more = false; ///< there was too much of that to be read
};

inline constexpr std::size_t kShellScriptLimitBytes = std::size_t{64} << 10U; ///< beyond: not plain
inline constexpr std::size_t kShellNestingLimit = 8;                          ///< beyond: not plain
inline constexpr std::size_t kHiddenLimitBytes = std::size_t{256} << 10U;     ///< read for `hidden`

/// Never fails: what it does not understand makes the script not plain.
ShellScript read_shell_script(std::string_view text);
/// A script of that one command of a plain script.
ShellScript script_of(const std::vector<std::string>& command);

/// Whether the words of a command begin with those of `prefix`, which are none where it is empty.
bool begins_with(const std::vector<std::string>& command, const std::vector<std::string>& prefix);

/// Whether `prefix` may be run anywhere in the script: by a command of it, by a program that is
/// given another as its argument, or by a word that is a script itself. Where in doubt, yes. A
/// program is the same by its name and by a path that ends in it.
bool may_run(const ShellScript& script, const std::vector<std::string>& prefix);

} // namespace kheish::govern
