#include "journal_program.hpp"

#include "session.hpp"

#include <cerrno>
#include <unistd.h>

namespace kheish::ctl {

namespace {

constexpr const char* kProgram = KHEISH_LIBEXEC_DIRECTORY "/kheish-journal";

Result<int> become(std::vector<std::string> arguments) {
    std::vector<char*> pointers;
    pointers.reserve(arguments.size() + 1);
    for (std::string& argument : arguments)
        pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    (void)::execv(kProgram, pointers.data());
    return fail_errno(std::string("running ") + kProgram, errno, Errc::not_found);
}

} // namespace

Result<int> become_journal(
    Session& session,
    const Invocation& invocation,
    std::vector<std::string> words,
    std::string name) {
    KHEISH_CHECK(session.go_to_host());
    std::vector<std::string> arguments{std::move(name)};
    if (session.json())
        arguments.insert(arguments.end(), {"--output", "json"});
    if (const std::optional<std::string> directory = invocation.value("--state-directory"))
        arguments.insert(arguments.end(), {"--state-directory", *directory});
    arguments.insert(arguments.end(), words.begin(), words.end());
    return become(std::move(arguments));
}

} // namespace kheish::ctl
