// The journal's own files are looked after by a program of their own, which works whether or not
// kheishd does: kheishctl only gives it a place among the commands.

#include "command.hpp"
#include "journal_program.hpp"

namespace kheish::ctl {

namespace {

Result<int> verify(Session& session, const Invocation& invocation) {
    return become_journal(session, invocation, {"verify"});
}

Result<int> backup(Session& session, const Invocation& invocation) {
    return become_journal(session, invocation, {"backup", "--", invocation.required("FILE")});
}

Result<int> export_events(Session& session, const Invocation& invocation) {
    std::vector<std::string> words{"export"};
    if (const std::optional<std::string> after = invocation.value("--after"))
        words.insert(words.end(), {"--after", *after});
    if (invocation.flag("--content"))
        words.emplace_back("--content");
    return become_journal(session, invocation, std::move(words));
}

Result<int> prune(Session& session, const Invocation& invocation) {
    const std::optional<std::string> days = invocation.value("--older-than");
    if (!days)
        return fail(Errc::invalid_argument, "say how old: --older-than DAYS");
    return become_journal(session, invocation, {"prune", "--older-than", *days});
}

Result<int> rebuild(Session& session, const Invocation& invocation) {
    return become_journal(session, invocation, {"rebuild"});
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
