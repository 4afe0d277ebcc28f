#include "remote.hpp"

#include <array>
#include <cerrno>
#include <unistd.h>

namespace kheish::ctl {

std::string remote_command(const std::vector<std::string>& words) {
    std::string command = "kheishctl";
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word == "-H" || word == "--host") {
            ++i; // and its value
            continue;
        }
        if (word.starts_with("--host=") || (word.starts_with("-H") && word.size() > 2))
            continue;
        command += " '";
        for (const char c : word)
            command += c == '\'' ? std::string("'\\''") : std::string(1, c);
        command += "'";
    }
    return command;
}

Status run_remotely(const std::string& host, const std::vector<std::string>& words) {
    std::array<std::string, 4> arguments{"ssh", "--", host, remote_command(words)};
    std::array<char*, 5> pointers{};
    for (std::size_t i = 0; i < arguments.size(); ++i)
        pointers[i] = arguments[i].data();
    (void)execvp("ssh", pointers.data()); // comes back only with an error
    return fail_errno("running ssh", errno, Errc::daemon_unreachable);
}

} // namespace kheish::ctl
