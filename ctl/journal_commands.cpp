// The journal's own files are looked after by a program of their own, which works whether or not
// kheishd does: kheishctl only gives it a place among the commands.

#include "command.hpp"
#include "session.hpp"

#include <cerrno>
#include <unistd.h>

namespace kheish::ctl {

namespace {

constexpr const char* kProgram = KHEISH_LIBEXEC_DIRECTORY "/kheish-journal";

/// Becomes the program; comes back only with an error.
Result<int> become(std::vector<std::string> arguments) {
    std::vector<char*> pointers;
    pointers.reserve(arguments.size() + 1);
    for (std::string& argument : arguments)
        pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    (void)::execv(kProgram, pointers.data());
    return fail_errno(std::string("running ") + kProgram, errno, Errc::not_found);
}

Result<int>
run_journal(Session& session, const Invocation& invocation, std::vector<std::string> words) {
    KHEISH_CHECK(session.go_to_host());
    std::vector<std::string> arguments{"kheishctl journal"};
    if (session.json())
        arguments.insert(arguments.end(), {"--output", "json"});
    if (const std::optional<std::string> directory = invocation.value("--state-directory"))
        arguments.insert(arguments.end(), {"--state-directory", *directory});
    arguments.insert(arguments.end(), words.begin(), words.end());
    return become(std::move(arguments));
}

Result<int> verify(Session& session, const Invocation& invocation) {
    return run_journal(session, invocation, {"verify"});
}

Result<int> backup(Session& session, const Invocation& invocation) {
    return run_journal(session, invocation, {"backup", "--", invocation.required("FILE")});
}

Result<int> export_events(Session& session, const Invocation& invocation) {
    std::vector<std::string> words{"export"};
    if (const std::optional<std::string> after = invocation.value("--after"))
        words.insert(words.end(), {"--after", *after});
    if (invocation.flag("--content"))
        words.emplace_back("--content");
    return run_journal(session, invocation, std::move(words));
}

Result<int> prune(Session& session, const Invocation& invocation) {
    const std::optional<std::string> days = invocation.value("--older-than");
    if (!days)
        return fail(Errc::invalid_argument, "say how old: --older-than DAYS");
    return run_journal(session, invocation, {"prune", "--older-than", *days});
}

Result<int> rebuild(Session& session, const Invocation& invocation) {
    return run_journal(session, invocation, {"rebuild"});
}

constexpr Option kStateDirectory{"--state-directory", "DIR", "Where the journal lies"};

} // namespace

std::vector<Command> journal_commands() {
    return {
        {.words = "journal verify",
         .help = "Look for damage in the journal",
         .positionals = {},
         .options = {kStateDirectory},
         .run = verify},
        {.words = "journal backup",
         .help = "Copy the journal to a new file",
         .positionals = {{"FILE", "Where to; must not exist"}},
         .options = {kStateDirectory},
         .run = backup},
        {.words = "journal export",
         .help = "Print all events as JSON lines",
         .positionals = {},
         .options =
             {{"--after", "ID", "Only events after this one"},
              {"--content", "", "With what they refer to, in base64"},
              kStateDirectory},
         .run = export_events},
        {.words = "journal prune",
         .help = "Drop the content of old runs",
         .positionals = {},
         .options = {{"--older-than", "DAYS", "Days since a run ended"}, kStateDirectory},
         .run = prune},
        {.words = "journal rebuild",
         .help = "Make all rows anew from the events",
         .positionals = {},
         .options = {kStateDirectory},
         .run = rebuild},
    };
}

} // namespace kheish::ctl
